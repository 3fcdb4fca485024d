"""The table of services: dependencies, program, commands and health check of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from filon.cli.dashboard import api_server, dashboard_server
from filon.cli.processes import HOST, Health, Server, http_health, is_free
from filon.cli.up import programs
from filon.cli.up.programs import Missing
from filon.cli.up.site import (
    EXPRESS_COOKIE,
    EXPRESS_PASSWORD,
    PASSWORDS,
    REGION,
    S3_INNER_KEY,
    S3_KEY,
    S3_SECRET,
    Site,
    environment,
    has_spark,
)
from filon.pipeline.resources import sources_of
from filon.projects import retail
from filon.serving.mongo import READER, ensure_accounts
from filon.settings import PREFIX, Settings

MONGO_EXPRESS = "mongo-express@1.0.0"
MONGO_EXPRESS_USER = "filon"
VIEWS = Path(__file__).with_name("views.cjs")
CACHE_GB = "0.5"
SPARK_CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
SPARK_MEMORY = "2g"
PATIENCE = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 1}, proxies={})


@dataclass(frozen=True)
class Plan:
    """How a service is started: commands that must succeed, one after the other, then one that serves, if any."""

    environment: Mapping[str, str]
    before: Sequence[Sequence[str]] = ()
    serve: Sequence[str] | None = None
    health: Health = lambda: True


@dataclass(frozen=True)
class Service:
    """A service of the table.

    Attributes:
        name: its name in ``--only`` and in the output
        find: locates its program
        plan: its commands and health check on a site
        port: the port that users know; None when it listens on none
        needs: services that are started before it, if they take part
        requires: services without which it cannot run
        optional: whether the stack goes on when it fails
        inner_ports: further ports, which users need not know, by option name
        takes_part: whether it is part of a stack with these settings

    """

    name: str
    find: Callable[[], Path | Missing]
    plan: Callable[[Site], Plan]
    port: int | None = None
    needs: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    optional: bool = False
    inner_ports: Mapping[str, int] = field(default_factory=dict)
    takes_part: Callable[[Settings], bool] = lambda _: True


def _object_store(site: Site) -> Plan:
    program = site.programs["object-store"]
    data = site.folder(f"object-store/{program.name}")
    key, secret = site.secrets[S3_KEY], site.secrets[S3_SECRET]
    plan = _minio if program.name == "minio" else _seaweed
    command, variables = plan(site, str(program), data)
    return Plan(
        environment(variables),
        serve=command,
        health=lambda: knows_key(site.url("object-store"), key, secret, REGION),
    )


def _seaweed(site: Site, program: str, data: Path) -> tuple[list[str], dict[str, str]]:
    ports = {name: site.ports[name] for name in SEAWEED_PORTS} | {"s3.port": site.ports["object-store"]}
    off = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"]
    command = [program, "mini", f"-dir={data}", f"-ip={HOST}", f"-ip.bind={HOST}", *off]
    command += [f"-{name}={port}" for name, port in ports.items()]
    keys = {"AWS_ACCESS_KEY_ID": site.secrets[S3_KEY], "AWS_SECRET_ACCESS_KEY": site.secrets[S3_SECRET]}
    return command, keys | dict.fromkeys(SEAWEED_GUARDS, site.secrets[S3_INNER_KEY])


def _minio(site: Site, program: str, data: Path) -> tuple[list[str], dict[str, str]]:
    addresses = [f"--address={HOST}:{site.ports['object-store']}", f"--console-address={HOST}:{site.ports['console']}"]
    names = {"MINIO_ROOT_USER": site.secrets[S3_KEY], "MINIO_ROOT_PASSWORD": site.secrets[S3_SECRET]}
    return [program, "server", *addresses, str(data)], names


def _mongodb(site: Site) -> Plan:
    port, data = site.ports["mongodb"], site.folder("mongodb")
    passwords = {account: site.secrets[name] for account, name in PASSWORDS.items()}
    listen = ["--bind_ip", HOST, "--port", str(port), "--nounixsocket"]
    data_options = ["--dbpath", str(data), "--wiredTigerCacheSizeGB", CACHE_GB, "--auth", "--quiet"]
    command = [str(site.programs["mongodb"]), *listen, *data_options]
    return Plan(environment({}), serve=command, health=lambda: ensure_accounts(port, passwords))


def _prefect(site: Site) -> Plan:
    variables = {
        "PREFECT_HOME": str(site.folder("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **site.orchestration(),
    }
    listen = ["--host", HOST, "--port", str(site.ports["prefect"])]
    command = [str(site.programs["prefect"]), "-m", "prefect", "server", "start", *listen]
    return Plan(environment(variables), serve=command, health=http_health(f"{site.url('prefect')}/api/health"))


def _spark(site: Site) -> Plan:
    """A server of Spark Connect with an executor in it. Its package has nothing for S3, so the lake is in a folder."""
    program, port = site.programs["spark"], site.ports["spark"]
    settings = {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": port,
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": os.cpu_count() or 1,
        "spark.sql.warehouse.dir": site.folder("spark/warehouse"),
        "spark.local.dir": site.folder("spark/scratch"),
    }
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    start = [str(program), "--class", SPARK_CONNECT, "--master", "local[*]", "--driver-memory", SPARK_MEMORY]
    home, python = str(program.parents[1]), str(programs.python())
    variables = {"SPARK_HOME": home, "SPARK_LOCAL_IP": HOST, "PYSPARK_PYTHON": python}
    return Plan(
        environment(variables), serve=[*start, *options, "spark-internal"], health=lambda: not is_free(HOST, port)
    )


def _pipeline(site: Site) -> Plan:
    samples = _samples_folder(site)
    run = ["flows", "run"] if "flows" in site.programs else ["run"]
    commands = [["generate", str(samples)], run] if samples else [run]
    variables = {"PREFECT_HOME": str(site.folder("prefect")), "DO_NOT_TRACK": "1", **site.pipeline_settings()}
    return Plan(environment(variables), before=[_filon(site, "pipeline", *words) for words in commands])


def _samples_folder(site: Site) -> Path | None:
    """The folder for sample files: the default sources of the demo project, while it is empty; else None."""
    if site.project.folder != retail.FOLDER or site.settings.sources is not None:
        return None
    folder = sources_of(site.settings, site.project).folder
    return None if folder is None or (folder.is_dir() and any(folder.iterdir())) else folder


def _flows(site: Site) -> Plan:
    variables = {"PREFECT_HOME": str(site.folder("prefect")), "DO_NOT_TRACK": "1", **site.pipeline_settings()}
    variables[f"{PREFIX}API_URL"] = _api_url(site)  # reports are made from its answers
    return Plan(
        environment(variables),
        serve=_filon(site, "flows", "flows", "serve"),
        health=_serves_flows(f"{site.url('prefect')}/api/deployments/filter"),
    )


def _api(site: Site) -> Plan:
    serving = site.serving(READER).get(f"{PREFIX}SERVING")
    settings = site.settings.model_copy(update={"serving": serving, "api_host": HOST})
    plan = _plan_of(api_server(settings, site.ports["api"]))
    return replace(plan, environment={**plan.environment, **site.lake()})  # it explains figures from there


def _dashboard(site: Site) -> Plan:
    port = site.ports["dashboard"]
    settings = site.settings.model_copy(
        update={"api_url": _api_url(site), "dashboard_host": HOST, "dashboard_port": port}
    )
    return _plan_of(dashboard_server(settings))


def _api_url(site: Site) -> str:
    return site.url("api") if "api" in site.programs else site.settings.api_url


def _mongo_express(site: Site) -> Plan:
    folder, npm = site.folder("mongo-express"), site.programs["mongo-express"]
    password, cookie = site.secrets[EXPRESS_PASSWORD], site.secrets[EXPRESS_COOKIE]
    quiet = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-package-lock"]
    install = [str(npm), "install", f"--prefix={folder}", *quiet, MONGO_EXPRESS]
    installed = (folder / "node_modules" / ".package-lock.json").exists()  # npm writes this file last
    variables = {
        "NODE_ENV": "production",
        "VCAP_APP_HOST": HOST,
        "PORT": str(site.ports["mongo-express"]),
        "ME_CONFIG_MONGODB_URL": site.store(READER),
        "ME_CONFIG_BASICAUTH_USERNAME": MONGO_EXPRESS_USER,
        "ME_CONFIG_BASICAUTH_PASSWORD": password,
        "ME_CONFIG_SITE_COOKIESECRET": cookie,
        "ME_CONFIG_SITE_SESSIONSECRET": cookie,
        "ME_CONFIG_OPTIONS_READONLY": "true",
    }
    return Plan(
        environment(variables),
        before=[] if installed else [install],
        serve=[str(npm.with_name("node")), f"--require={VIEWS}", str(folder / "node_modules/mongo-express/app.js")],
        health=http_health(site.url("mongo-express"), auth=(MONGO_EXPRESS_USER, password)),
    )


def _filon(site: Site, service: str, *words: str) -> list[str]:
    return [str(site.programs[service]), "-m", "filon", *words]


def _plan_of(server: Server) -> Plan:
    return Plan(server.environment, serve=server.command, health=server.health)


def _serves_flows(address: str) -> Health:
    """Whether a process that runs the flows has reported to Prefect."""

    def is_ready() -> bool:
        import httpx

        try:
            response = httpx.post(address, json={}, timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return response.is_success and any(deployment["status"] == "READY" for deployment in response.json())

    return is_ready


SEAWEED_GUARDS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)
"""Keys of SeaweedFS's internal ports; without them, these ports serve every object to anybody."""

SEAWEED_PORTS = {
    "master.port": 9333,
    "master.port.grpc": 19333,
    "volume.port": 9340,
    "volume.port.grpc": 19340,
    "filer.port": 8888,
    "filer.port.grpc": 18888,
    "s3.port.grpc": 18333,
    "admin.port": 23646,
    "admin.port.grpc": 33646,
}

SERVICES = (
    Service(
        "object-store",
        programs.object_store,
        _object_store,
        9000,
        inner_ports={**SEAWEED_PORTS, "console": 9001},
        takes_part=lambda settings: not has_spark(settings),
    ),
    Service("mongodb", programs.mongod, _mongodb, 27017),
    Service("prefect", programs.prefect, _prefect, 4200),
    Service("spark", programs.spark, _spark, 15002, takes_part=has_spark),
    Service(
        "pipeline",
        programs.python,
        _pipeline,
        needs=("object-store", "mongodb", "prefect", "spark"),
        optional=True,
    ),
    Service("flows", programs.flows, _flows, needs=("prefect", "pipeline"), requires=("prefect",)),
    Service("api", programs.python, _api, 8000, needs=("mongodb",)),
    Service("dashboard", programs.python, _dashboard, 8501, needs=("api",)),
    Service(
        "mongo-express",
        programs.npm,
        _mongo_express,
        8081,
        needs=("mongodb", "dashboard"),
        requires=("mongodb",),
        optional=True,
    ),
)


def knows_key(endpoint: str, key: str, secret: str, region: str) -> bool:
    """Whether the server answers, and lists its buckets for this key. The pipeline makes those that it needs."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=region,
        config=PATIENCE,
    )
    try:
        client.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True
