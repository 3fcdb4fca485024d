"""``filon check``, ``test`` and ``schema``: commands that work on a project folder."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from filon.cli.contracts import Compared, change_facts, change_lines, compare_with
from filon.cli.options import EngineOption, JsonOption, LakeOption, ProjectOption
from filon.cli.render import open_console, warn
from filon.cli.strategies import strategy_facts, strategy_lines
from filon.differences.change import Effect
from filon.errors import ConfigError, NotFound, Problem, ProjectInvalid
from filon.pipeline.engine import open_backends, open_engine
from filon.pipeline.resources import lake_of, open_project, sources_of, today
from filon.project import Project
from filon.project.folder import FILE
from filon.project.modeltests import AS_OF, load_model_tests
from filon.settings import Settings, read_settings
from filon.stages.bronze import matching_files
from filon.suggestions import suggestion
from filon.validation.compilation import check_project
from filon.validation.hints import undecided_keys
from filon.validation.joins import slow_joins
from filon.validation.model_tests import ModelTestResult, run_model_tests
from filon.validation.strategies import strategies

WhyOption = Annotated[bool, typer.Option("--why", help="Say how each model is computed when its inputs change")]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against", metavar="RELEASE", help="Name what changed in contracts and SQL since a release, or `latest`"
    ),
]


def check(
    project_folder: ProjectOption = None,
    engine: EngineOption = None,
    lake: LakeOption = None,
    against: AgainstOption = None,
    why: WhyOption = False,
    json: JsonOption = False,
) -> None:
    """Compile every contract, model, page, check and test of a project, without data."""
    settings = read_settings(project=project_folder, engine=engine, lake=lake)
    try:
        project = open_project(settings)
        _require_sound_pages(project)
        tests = load_model_tests(project)
        with open_backends(settings) as backends:
            check_project(backends.make_engine(project, AS_OF), project)
            if backends.make_executors is not None:
                backends.make_executors().check()
        warnings = [*undecided_keys(project, _files_of(settings, project)), *slow_joins(project)]
        compared = compare_with(lake_of(settings, project), project, against, today(project)) if against else None
    except ProjectInvalid as error:
        if not json:
            raise
        problems = [_spelled(problem) for problem in error.problems]
        typer.echo(json_module.dumps({"valid": False, "problems": problems}, indent=2, ensure_ascii=False))
        raise typer.Exit(error.exit_code) from None
    counts = {
        "sources": len(project.datasets),
        "models": len(project.models),
        "checks": sum(len(contract.checks) for contract in project.contracts.values()),
        "tests": len(tests),
    }
    how = strategies(project) if why else {}
    warnings += compared.warned if compared else []
    refused = compared.refused if compared else []
    if json:
        found = {
            name: [_spelled(item) for item in items] for name, items in (("problems", refused), ("warnings", warnings))
        }
        listed: dict[str, object] = {"strategies": [strategy_facts(item) for item in how.values()]} if why else {}
        if compared is not None:
            listed |= {"against": compared.release, "changes": [change_facts(change) for change in compared.changes]}
        facts = {"valid": not refused, "project": project.name, **counts, **found, **listed}
        typer.echo(json_module.dumps(facts, indent=2, ensure_ascii=False))
        if refused:
            raise typer.Exit(ProjectInvalid.exit_code)
    else:
        warn(warnings)
        parts = ", ".join(f"{count} {what}" for what, count in counts.items())
        typer.echo(f"project {project.name} compiles: {parts}")
        for line in strategy_lines(how):
            typer.echo(line)
        if compared is not None:
            _show_compared(compared)


def _show_compared(compared: Compared) -> None:
    """Print what changed since a release; ProjectInvalid when a version does not say so."""
    breaking = sum(change.effect is Effect.BREAKING for change in compared.changes)
    others = len(compared.changes) - breaking
    typer.echo(f"compared with release {compared.release}, changes: {breaking} breaking, {others} compatible")
    for line in change_lines(compared.changes):
        typer.echo(line)
    if compared.refused:
        raise ProjectInvalid(compared.refused)


def _require_sound_pages(project: Project) -> None:
    """ProjectInvalid with the mistakes in pages, which stop nothing else."""
    if project.page_problems:
        raise ProjectInvalid(project.page_problems)


def _files_of(settings: Settings, project: Project) -> dict[str, list[str]]:
    """The files of each dataset, as far as they lie on this disk already: a project is checked without data too."""
    sources = sources_of(settings, project)
    return matching_files(project, sources) if sources.folder is not None and sources.folder.is_dir() else {}


def _spelled(problem: Problem) -> dict[str, object]:
    return {"file": str(problem.file), "line": problem.line, "what": problem.what, "fix": problem.fix}


def test(
    names: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Only these models")] = None,
    project_folder: ProjectOption = None,
    engine: EngineOption = None,
    json: JsonOption = False,
) -> None:
    """Run the tests of a project's models: given rows, expected rows."""
    settings = read_settings(project=project_folder, engine=engine)
    project = open_project(settings)
    for name in names or ():
        if name not in project.models:
            raise NotFound(f"no model {name}; {suggestion(name, project.models)}")
    tests = [item for item in load_model_tests(project) if not names or item.model in names]
    results = run_model_tests(partial(open_engine, settings, project), project, tests)
    failed = [result for result in results if not result.passed]
    if json:
        tests_run = [_as_dict(result) for result in results]
        typer.echo(
            json_module.dumps(
                {"passed": len(results) - len(failed), "failed": len(failed), "tests": tests_run}, indent=2
            )
        )
    else:
        _show_tests(open_console(), project, results)
    if failed:
        raise typer.Exit(1)


def schema(project_folder: ProjectOption = None) -> None:
    """Write the JSON schemas by which editors complete the words of a project's files."""
    from filon.project.schemas import FOLDER, schema_files

    settings = read_settings(project=project_folder)
    folder = (settings.project or Path.cwd()) / FOLDER
    if not (folder.parent / FILE).is_file():
        raise ConfigError(f"{folder.parent} is no project folder: it has no {FILE}; name one by --project")
    try:
        folder.mkdir(exist_ok=True)
        for name, text in schema_files().items():
            (folder / name).write_text(text, encoding="utf-8")
            typer.echo(f"wrote {folder / name}")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}") from None


def _as_dict(result: ModelTestResult) -> dict[str, object]:
    return {
        "name": result.test.name,
        "model": result.test.model,
        "file": str(result.test.file),
        "line": result.test.line,
        "passed": result.passed,
        "missing": list(result.missing),
        "unexpected": list(result.unexpected),
        "error": result.error,
    }


def _show_tests(console: Console, project: Project, results: list[ModelTestResult]) -> None:
    for result in results:
        if result.passed:
            continue
        console.print(
            Text(
                f"FAILED {result.test.file}:{result.test.line}: {result.test.model}: {result.test.name}",
                "red",
            )
        )
        if result.error:
            console.print(Text(f"    {result.error}"))
        for row in result.missing:
            console.print(Text(f"    missing     {row}"))
        for row in result.unexpected:
            console.print(Text(f"    unexpected  {row}"))
    failed = sum(not result.passed for result in results)
    tested = {result.test.model for result in results}
    untested = [name for name in project.models if name not in tested]
    console.print(
        f"{len(results) - failed} passed, {failed} failed; {len(tested)} of {len(project.models)} models tested"
    )
    if untested and len(results):
        console.print(f"without a test: {', '.join(untested)}")
