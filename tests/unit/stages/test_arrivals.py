"""What files in the sources mean, given the ledger: pure decisions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from filon.lake import FileState, FileVersion, Ledger
from filon.project import INTEGER, TEXT, Column, Contract, Dataset
from filon.project.document import Document
from filon.project.places import PlaceColumn
from filon.project.vocabulary import Dialect, Drift, Keep, MissingFile
from filon.stages.bronze.arrivals import UNKNOWN, Arrival, Observed, Plan, plan

NEW, UNCHANGED, DUPLICATE = Arrival.NEW, Arrival.UNCHANGED, Arrival.DUPLICATE
LIVE, REPLACED = FileState.LIVE, FileState.REPLACED
RETRACTED, QUARANTINED = FileState.RETRACTED, FileState.QUARANTINED


def dataset(
    name: str = "sales", *, missing: MissingFile = MissingFile.KEEP, delimiter: str = ",", threshold: float = 0.1
) -> Dataset:
    columns = (Column("id", INTEGER, required=True, header="id"), Column("name", TEXT, header="name"))
    return Dataset(
        contract=Contract(name, columns, ("id",), document=Document(Path(f"{name}.yaml"), {}, {})),
        pattern=f"{name}*.csv",
        dialect=Dialect(delimiter=delimiter),
        keep=Keep.FIRST,
        drift=Drift.EVOLVE,
        malformed_threshold=threshold,
        on_missing_file=missing,
        rules=(),
    )


SALES = dataset()


def version(number: int, path: str, content: str, state: FileState = LIVE, of: Dataset = SALES) -> FileVersion:
    """A version that arrived under the contract ``of``."""
    return FileVersion(
        number=number,
        dataset=of.name,
        path=path,
        sha256=content,
        size=1,
        state=state,
        arrived_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        run_id="run",
        parse_hash=of.parse_hash,
        acceptance_hash=of.acceptance_hash,
    )


def planned(
    known: list[FileVersion], sources: dict[str, str], of: Dataset = SALES, *, retry_quarantined: bool = False
) -> Plan:
    """The plan for sources that hold, per path, a content."""
    observed = [Observed(path, of.name, content) for path, content in sorted(sources.items())]
    return plan(Ledger(versions=tuple(known)), observed, {of.name: of}, retry_quarantined=retry_quarantined)


def arrivals(result: Plan) -> dict[str, Arrival]:
    return {decision.file.path: decision.arrival for decision in result.decisions}


def to_read(result: Plan) -> list[str]:
    return [decision.file.path for decision in result.to_read]


def test_the_first_files_of_a_lake_are_new() -> None:
    result = planned([], {"a.csv": "A", "b.csv": "B"})
    assert arrivals(result) == {"a.csv": NEW, "b.csv": NEW}
    assert to_read(result) == ["a.csv", "b.csv"]
    assert (result.replaced, result.missing) == (frozenset(), frozenset())


def test_a_file_that_is_as_it_was_is_not_read_again() -> None:
    known = version(1, "a.csv", "A")
    result = planned([known], {"a.csv": "A"})
    assert arrivals(result) == {"a.csv": UNCHANGED}
    assert result.decisions[0].version == known
    assert to_read(result) == []


def test_new_content_at_a_known_path_is_read() -> None:
    result = planned([version(1, "a.csv", "A")], {"a.csv": "A2"})
    assert arrivals(result) == {"a.csv": NEW}
    assert to_read(result) == ["a.csv"]


def test_a_content_that_was_replaced_and_comes_back_is_read_again() -> None:
    result = planned([version(1, "a.csv", "A", REPLACED), version(2, "a.csv", "A2")], {"a.csv": "A"})
    assert arrivals(result) == {"a.csv": NEW}


def test_the_same_bytes_under_two_names_are_read_once_under_the_first() -> None:
    result = planned([], {"b.csv": "A", "a.csv": "A"})
    assert arrivals(result) == {"a.csv": NEW, "b.csv": DUPLICATE}


def test_the_same_bytes_under_another_name_change_nothing_even_if_that_name_comes_first() -> None:
    result = planned([version(1, "b.csv", "A")], {"a.csv": "A", "b.csv": "A"})
    assert arrivals(result) == {"a.csv": DUPLICATE, "b.csv": UNCHANGED}
    assert (to_read(result), result.replaced) == ([], frozenset())


def test_a_renamed_file_changes_nothing() -> None:
    result = planned([version(1, "old.csv", "A")], {"new.csv": "A"})
    assert arrivals(result) == {"new.csv": DUPLICATE}
    assert (to_read(result), result.replaced, result.missing) == ([], frozenset(), frozenset())


def test_a_renamed_file_keeps_its_rows_where_missing_files_are_retracted() -> None:
    strict = dataset(missing=MissingFile.RETRACT)
    result = planned([version(1, "old.csv", "A", of=strict)], {"new.csv": "A"}, strict)
    assert (to_read(result), result.missing) == (["new.csv"], frozenset({1}))


def test_a_path_that_gets_what_another_one_holds_stops_counting() -> None:
    result = planned([version(1, "a.csv", "A"), version(2, "b.csv", "B")], {"a.csv": "A", "b.csv": "A"})
    assert arrivals(result) == {"a.csv": UNCHANGED, "b.csv": DUPLICATE}
    assert result.replaced == {2}
    assert to_read(result) == []


def test_a_path_that_gets_what_a_quarantined_file_holds_keeps_its_rows() -> None:
    result = planned(
        [version(1, "a.csv", "A"), version(2, "b.csv", "bad", QUARANTINED)], {"a.csv": "bad", "b.csv": "bad"}
    )
    assert result.replaced == frozenset()


def test_when_the_owner_of_a_content_gets_another_the_next_file_with_it_takes_over() -> None:
    result = planned([version(1, "a.csv", "A")], {"a.csv": "A2", "b.csv": "A"})
    assert arrivals(result) == {"a.csv": NEW, "b.csv": NEW}


def test_when_the_owner_of_a_content_gets_another_only_one_of_its_copies_takes_over() -> None:
    result = planned([version(1, "a.csv", "A")], {"a.csv": "A2", "b.csv": "A", "c.csv": "A"})
    assert arrivals(result) == {"a.csv": NEW, "b.csv": NEW, "c.csv": DUPLICATE}


def test_a_content_that_returns_to_its_first_path_stays_with_the_path_that_took_over() -> None:
    known = [version(1, "a.csv", "A", REPLACED), version(2, "a.csv", "A2"), version(3, "b.csv", "A")]
    result = planned(known, {"a.csv": "A", "b.csv": "A"})
    assert arrivals(result) == {"a.csv": DUPLICATE, "b.csv": UNCHANGED}
    assert result.replaced == {2}


def test_two_files_that_swap_their_contents_are_both_read() -> None:
    result = planned([version(1, "a.csv", "A"), version(2, "b.csv", "B")], {"a.csv": "B", "b.csv": "A"})
    assert arrivals(result) == {"a.csv": NEW, "b.csv": NEW}


def test_a_retracted_content_stays_out() -> None:
    result = planned([version(1, "a.csv", "A", RETRACTED)], {"a.csv": "A"})
    assert arrivals(result) == {"a.csv": UNCHANGED}
    assert to_read(planned([version(1, "a.csv", "A", RETRACTED)], {"a.csv": "A"}, retry_quarantined=True)) == []


def test_a_retracted_content_stays_out_under_another_name_too() -> None:
    result = planned([version(1, "a.csv", "A", RETRACTED)], {"a.csv": "A", "b.csv": "A"})
    assert arrivals(result) == {"a.csv": UNCHANGED, "b.csv": DUPLICATE}


def test_a_retracted_file_comes_back_with_new_content() -> None:
    assert arrivals(planned([version(1, "a.csv", "A", RETRACTED)], {"a.csv": "A2"})) == {"a.csv": NEW}


def test_a_file_that_went_missing_and_was_retracted_for_it_returns_with_its_bytes() -> None:
    strict = dataset(missing=MissingFile.RETRACT)
    assert planned([version(1, "a.csv", "A", of=strict)], {}, strict).missing == {1}
    result = planned([version(1, "a.csv", "A", REPLACED, of=strict)], {"a.csv": "A"}, strict)
    assert to_read(result) == ["a.csv"]


def test_a_quarantined_file_is_left_alone_until_somebody_asks() -> None:
    known = [version(1, "a.csv", "bad", QUARANTINED)]
    assert arrivals(planned(known, {"a.csv": "bad"})) == {"a.csv": UNCHANGED}
    asked = planned(known, {"a.csv": "bad"}, retry_quarantined=True)
    assert arrivals(asked) == {"a.csv": Arrival.RETRY}
    assert asked.to_read[0].version == known[0]


def test_a_quarantined_file_is_tried_again_when_the_contract_might_accept_it() -> None:
    known = [version(1, "a.csv", "bad", QUARANTINED)]
    for changed in (dataset(threshold=0.5), dataset(delimiter=";")):
        assert arrivals(planned(known, {"a.csv": "bad"}, changed)) == {"a.csv": Arrival.RETRY}


def test_asking_to_retry_does_not_read_accepted_files_again() -> None:
    assert to_read(planned([version(1, "a.csv", "A")], {"a.csv": "A"}, retry_quarantined=True)) == []


def test_an_accepted_file_is_read_again_when_the_contract_would_cut_it_otherwise() -> None:
    known = version(1, "a.csv", "A")
    result = planned([known], {"a.csv": "A"}, dataset(delimiter=";"))
    assert arrivals(result) == {"a.csv": Arrival.REREAD}
    assert result.to_read[0].version == known


def test_an_accepted_file_is_read_again_when_the_contract_might_refuse_it_now() -> None:
    found = planned([version(1, "a.csv", "x")], {"a.csv": "x"}, dataset(threshold=0))
    assert [decision.arrival for decision in found.decisions] == [Arrival.REREAD]


def test_a_missing_file_keeps_its_rows() -> None:
    assert planned([version(1, "a.csv", "A")], {}).missing == frozenset()


def test_a_missing_file_is_retracted_when_the_contract_says_so() -> None:
    strict = dataset(missing=MissingFile.RETRACT)
    known = [
        version(1, "a.csv", "A", of=strict),
        version(2, "b.csv", "B", of=strict),
        version(3, "c.csv", "C", REPLACED, of=strict),
        version(4, "d.csv", "D", QUARANTINED, of=strict),
    ]
    assert planned(known, {"b.csv": "B"}, strict).missing == {1}


def test_a_file_with_new_content_is_not_missing() -> None:
    strict = dataset(missing=MissingFile.RETRACT)
    assert planned([version(1, "a.csv", "A", of=strict)], {"a.csv": "A2"}, strict).missing == frozenset()


def test_files_of_a_dataset_that_left_the_project_are_not_judged() -> None:
    gone = dataset("gone", missing=MissingFile.RETRACT)
    assert planned([version(1, "a.csv", "A", of=gone)], {}).missing == frozenset()


def test_datasets_do_not_share_contents() -> None:
    returns = dataset("returns")
    observed = [Observed("returns.csv", "returns", "A"), Observed("sales.csv", "sales", "A")]
    datasets = {"sales": SALES, "returns": returns}
    result = plan(Ledger(versions=(version(1, "sales.csv", "A"),)), observed, datasets)
    assert arrivals(result) == {"returns.csv": NEW, "sales.csv": UNCHANGED}


def test_what_was_retracted_stays_out_when_it_comes_back_after_something_else() -> None:
    known = [version(1, "a.csv", "x", RETRACTED), version(2, "a.csv", "y")]
    found = planned(known, {"a.csv": "x"})
    assert [decision.arrival for decision in found.decisions] == [UNCHANGED]
    assert found.replaced == {2}


def test_what_was_retracted_stays_out_under_another_name_while_its_path_holds_something_else() -> None:
    found = planned([version(1, "a.csv", "x", RETRACTED)], {"a.csv": "y", "b.csv": "x"})
    assert [decision.arrival for decision in found.decisions] == [NEW, DUPLICATE]


def test_what_was_refused_is_tried_again_when_its_file_has_another_name() -> None:
    found = planned([version(1, "a.csv", "x", QUARANTINED)], {"b.csv": "x"})
    assert [decision.arrival for decision in found.decisions] == [NEW]


def test_a_file_that_no_longer_matches_leaves_its_dataset() -> None:
    known = [version(1, "a.csv", "x"), version(2, "b.csv", "y"), version(3, "c.csv", "z", RETRACTED)]
    observed = [Observed("b.csv", SALES.name, "y")]
    found = plan(Ledger(versions=tuple(known)), observed, {SALES.name: SALES}, ignored=["a.csv", "c.csv"])
    assert found.gone == {1}


def test_what_could_not_be_read_still_brings_what_it_brought_before() -> None:
    of = dataset(missing=MissingFile.RETRACT)
    known = [version(1, "a.csv", "A", of=of), version(2, "gone.csv", "G", of=of)]
    observed = [Observed("b.csv", of.name, "A")]
    result = plan(Ledger(versions=tuple(known)), observed, {of.name: of}, unread=[(of.name, "a.csv")])
    assert arrivals(result) == {"b.csv": DUPLICATE}
    assert (result.replaced, result.missing) == (frozenset(), frozenset({2}))


def by_place() -> Dataset:
    """Sales whose shop is the folder of their file."""
    return replace(SALES, place_columns=(PlaceColumn("name", "(?<name>[a-z]+)/"),))


def test_the_same_content_counts_once_for_each_place_that_is_data() -> None:
    sources = {"lyon/t.csv": "A", "paris/t.csv": "A", "paris/copy.csv": "A", "t.csv": "A", "u.csv": "A"}
    assert arrivals(planned([], sources, by_place())) == {
        "lyon/t.csv": NEW,
        "paris/copy.csv": NEW,
        "paris/t.csv": DUPLICATE,
        "t.csv": NEW,
        "u.csv": DUPLICATE,
    }


def test_a_retracted_content_stays_out_at_its_place_only() -> None:
    of = by_place()
    known = [version(1, "lyon/t.csv", "A", RETRACTED, of=of)]
    found = planned(known, {"lyon/t.csv": "A", "lyon/u.csv": "A", "paris/t.csv": "A"}, of)
    assert arrivals(found) == {"lyon/t.csv": UNCHANGED, "lyon/u.csv": DUPLICATE, "paris/t.csv": NEW}


def test_an_archive_has_the_content_that_it_unpacks_to() -> None:
    observed = [Observed("t.csv", SALES.name, "A"), Observed("t.csv.gz", SALES.name, "packed", "A")]
    found = plan(Ledger(), observed, {SALES.name: SALES})
    assert arrivals(found) == {"t.csv": NEW, "t.csv.gz": DUPLICATE}

    both = [version(1, "t.csv.gz", "packed"), version(2, "t.csv", "A")]
    older = plan(Ledger(versions=tuple(both)), observed, {SALES.name: SALES})
    assert (arrivals(older), older.replaced) == ({"t.csv": DUPLICATE, "t.csv.gz": UNCHANGED}, frozenset({2}))

    gone = version(1, "t.csv.gz", "packed").model_copy(update={"content": "A"})
    later = plan(Ledger(versions=(gone,)), observed[:1], {SALES.name: SALES})
    assert arrivals(later) == {"t.csv": DUPLICATE}


def test_no_file_is_missing_while_some_may_not_be_listed() -> None:
    of = dataset(missing=MissingFile.RETRACT)
    known = Ledger(versions=(version(1, "2026/a.csv", "A", of=of),))
    assert plan(known, [], {of.name: of}, is_complete=False).gone == frozenset()
    assert plan(known, [], {of.name: of}).missing == {1}


def test_what_stood_for_an_unread_content_ends_when_the_file_is_read_or_gone() -> None:
    known = [version(1, "a.csv", UNKNOWN, QUARANTINED), version(2, "b.csv", UNKNOWN, QUARANTINED)]
    observed = [Observed("a.csv", SALES.name, "A")]
    result = plan(Ledger(versions=tuple(known)), observed, {SALES.name: SALES})
    assert (arrivals(result), result.replaced) == ({"a.csv": NEW}, frozenset({1, 2}))
    again = plan(Ledger(versions=tuple(known)), observed, {SALES.name: SALES}, unread=[(SALES.name, "b.csv")])
    assert again.replaced == frozenset({1})
