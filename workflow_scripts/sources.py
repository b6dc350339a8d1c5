"""Where data come from, as configured: for the rules and for the script that fetches; standard library alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def source_of(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The source that is fetched to ``resources/native/{name}``: a mapping with path, urls and sha256, or files."""
    if name == "silver":
        return config["silver"]["corpus"]  # type: ignore[no-any-return]
    if name == "word_vectors":
        return config["word_vectors"]  # type: ignore[no-any-return]
    if name.startswith("blacklist_"):
        return config["silver"]["blacklists"][name.removeprefix("blacklist_")] or {}
    return config["corpora"][name]  # type: ignore[no-any-return]


def files_of(source: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files of a source, each with its ``urls`` and ``sha256``.

    A ``path`` goes before ``urls``, and those, with the ``sha256`` beside them, before ``files``. Where there is a
    path, at most one file is left, without addresses, for the sake of its checksum.
    """
    path, urls, sha256 = (source.get(key) for key in ("path", "urls", "sha256"))
    if path is not None:
        return [{"urls": [], "sha256": sha256}] if sha256 else []
    if urls:
        return [{"urls": list(urls), "sha256": sha256}]
    files = source.get("files") or []
    return [{"urls": list(file["urls"]), "sha256": file.get("sha256")} for file in files]


def or_else(name: str, source: Mapping[str, Any]) -> str:
    """What to do where the corpus ``name`` cannot be downloaded: which file from which page, or how to leave it out.

    To be added to a message; empty for a source that is neither a corpus of the registry nor a blacklist.
    """
    if name.startswith("blacklist_"):
        key = f"silver.blacklists.{name.removeprefix('blacklist_')}"
        return f"; or give another's place as {key}.path, or none: {key}: null"
    if not source.get("home") or not source.get("obtain"):
        return ""
    account = " (asks for an account)" if source.get("registration") else ""
    place = "silver.corpus.path" if name == "silver" else f"corpora.{name}.path"
    skip = "" if name == "silver" else f", or leave the corpus out: study.skip: [{name}]"
    return f"; {source['home']}{account}: {source['obtain']}, and give its place as {place}{skip}"
