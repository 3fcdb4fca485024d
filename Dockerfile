# One image for the line, its flows, the API, the dashboard, Prefect and the object store, and one for Spark, made of it.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS python

FROM python AS build
WORKDIR /src
ENV UV_LINK_MODE=copy UV_NO_CACHE=1
COPY requirements.lock ./
# the lock says which uv, and every hash
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > uv.lock.txt \
    && pip install --no-cache-dir --require-hashes --requirement uv.lock.txt \
    && python -m venv --without-pip /opt/build \
    && python -m venv --without-pip /opt/filon \
    && uv pip install --python /opt/build --constraint requirements.lock hatchling
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN uv build --wheel --no-build-isolation --python /opt/build --out-dir dist \
    && uv pip install --python /opt/filon --constraint requirements.lock "filon[services,spark] @ file://$(ls /src/dist/*.whl)"

FROM build AS spark-build
COPY requirements-spark.lock ./
RUN sed -n '/^pyspark==/,/[^\\]$/p' requirements-spark.lock > spark.lock.txt \
    && uv pip install --target /opt/spark --no-deps --require-hashes --requirement spark.lock.txt

FROM python AS filon
RUN groupadd --gid 10001 filon \
    && useradd --uid 10001 --gid filon --no-create-home --home-dir /tmp filon \
    && install --directory --owner=filon --group=filon /data /keys /workspace
COPY --from=build /opt/filon /opt/filon
ENV PATH=/opt/filon/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /workspace
CMD ["filon", "--help"]

# executors read files with Filon, in the Python of the image above
FROM filon AS spark
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends default-jre-headless procps \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 /ivy /scratch
COPY --from=spark-build /opt/spark/pyspark /opt/spark
ENV SPARK_HOME=/opt/spark \
    PYSPARK_PYTHON=/opt/filon/bin/python
USER 10001:10001
CMD ["/opt/spark/bin/spark-submit", "--help"]
