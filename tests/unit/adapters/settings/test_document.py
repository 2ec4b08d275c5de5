"""Reading files of three formats, and saying why one cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.adapters.settings.document import read_document
from orchestrion.adapters.settings.fault import ConfigFault, SettingsError


def fault_of(path: Path) -> ConfigFault:
    with pytest.raises(SettingsError) as raised:
        read_document(path)
    (fault,) = raised.value.faults
    return fault


UNREADABLE = {
    "empty.yaml": (b"", "empty"),
    "comment.yaml": (b"# nothing\n", "empty"),
    "empty.json": (b" \n", "empty"),
    "empty.toml": (b"", "empty"),
    "list.yaml": (b"- strategy: A\n", "a list at the top"),
    "no_space.yaml": (b"strategy:A\n", "no keys"),
    "latin.yaml": ("strategy: Ä".encode("latin-1"), "not UTF-8 text at byte 10"),
    "comma.json": (b'{"a": 1,}', "not JSON"),
    "deep.json": (b"[" * 100_000, "nested too deep"),
    "bare.toml": (b"strategy = A", "not TOML"),
    "twice.toml": (b"a = 1\na = 2", "not TOML"),
    "notes.txt": (b"strategy: A", "the suffix '.txt' says no format"),
    "none": (b"strategy: A", "the suffix '' says no format"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_file_is_explained(name: str, tmp_path: Path) -> None:
    content, words = UNREADABLE[name]
    path = tmp_path / name
    path.write_bytes(content)
    fault = fault_of(path)
    assert fault.problem.startswith(words)
    assert fault.expected


def test_json_fault_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n"a": 1\n"b": 2}')
    assert fault_of(path).place == "line 3"


def test_missing_file_suggests_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "momentum.yaml").write_text("strategy: A")
    assert "momentum.yaml?" in fault_of(tmp_path / "momentm.yaml").expected
    assert fault_of(tmp_path / "zzz.yaml").expected == "is the path right?"
    assert "nor is there a folder" in fault_of(tmp_path / "no" / "a.yaml").expected


def test_folder_is_no_configuration(tmp_path: Path) -> None:
    assert fault_of(tmp_path).problem == "a folder"


def test_byte_order_mark_of_windows_editors_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfstrategy: A\r\n")
    document, faults = read_document(path)
    assert document.content == {"strategy": "A"}
    assert faults.found() == ()


def test_key_twice_in_json_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": {"b": 1, "b": 2}, "c": NaN}')
    _, faults = read_document(path)
    assert [(one.path, one.problem) for one in faults.found()] == [
        ("b", "given twice in one map"),
        ("c", "not a finite number"),
    ]


def test_alias_that_contains_itself_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &a [*a]\n")
    _, faults = read_document(path)
    assert "nested too deep" in str(faults.found()[0])


def test_mapping_is_named_and_relative_to_the_current_folder() -> None:
    document, _ = read_document({"a": 1})
    assert (document.name, document.origin) == ("run", "configuration")
    assert document.folder == Path.cwd()


def test_mapping_without_keys_is_refused() -> None:
    with pytest.raises(SettingsError, match="empty"):
        read_document({})
