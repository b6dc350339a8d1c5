"""Time and memory of selecting word vectors from a file of the size of Wiki-PubMed-PMC's.

    python -m benchmarks.vectors_scale FOLDER [--words 5400000] [--dimension 200] [--tokens 600000]

Writes a word2vec file (binary; 4.4 GB as it stands) of invented words and a CoNLL file of different tokens, of which
two thirds are among those words, to ``FOLDER``; selects in a process of its own, as the rule select_word_vectors does;
prints seconds and peak memory; and checks every hundredth row selected. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.processes import measured


def word(number: int) -> str:
    """The invented word of that rank: letters, some with a capital or digits, as tokens have them."""
    letters: list[str] = []
    rest = number
    while rest or not letters:
        rest, letter = divmod(rest, 21)
        letters.append("bcdfghklmnprstvzaeiou"[letter])
    name = "".join(letters)
    return name.capitalize() if number % 5 == 0 else f"{name}-0" if number % 7 == 0 else name


def row(number: int, dimension: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The vector of that rank, to be computed again when it is checked."""
    return np.sin(np.arange(dimension, dtype=np.float32) * (number % 9973 + 1))


def generate(folder: Path, words: int, dimension: int, tokens: int) -> None:
    """Write vectors.bin and tokens.tsv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row(number, dimension).tobytes() for number in range(9973)]
    with (folder / "vectors.bin").open("wb", buffering=1 << 22) as file:
        file.write(f"{words} {dimension}\n".encode())
        for number in range(words):
            file.write(word(number).encode() + b" " + rows[number % 9973] + b"\n")
    with (folder / "tokens.tsv").open("w", encoding="utf-8", newline="\n") as file:
        for number in range(tokens):
            token = word(number * max(1, words // tokens)) if number % 3 else f"unknown{number}"
            file.write(f"{token.replace('0', '7')}\td\t0\t{len(token)}\tO\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--words", type=int, default=5_400_000)
    parser.add_argument("--dimension", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=600_000, help="different tokens of the corpora")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    if arguments.stage == "generate":
        generate(folder, arguments.words, arguments.dimension, arguments.tokens)
        return
    if arguments.stage == "select":
        import select_word_vectors

        outputs = SimpleNamespace(
            words=folder / "words.txt", matrix=folder / "vectors.npy", description=folder / "vectors.json"
        )
        inputs = SimpleNamespace(vectors=folder / "vectors.bin", conll=[folder / "tokens.tsv"])
        params = SimpleNamespace(dimension=arguments.dimension, training=None)
        select_word_vectors.main(SimpleNamespace(input=inputs, output=outputs, params=params))
        return
    options = [f"--{name}={getattr(arguments, name)}" for name in ("words", "dimension", "tokens")]
    for stage in ("generate", "select"):
        result = measured("benchmarks.vectors_scale", stage, [str(folder), *options])
    size = (folder / "vectors.bin").stat().st_size
    numbers = {
        word(number): number for number in range(0, arguments.words, max(1, arguments.words // arguments.tokens))
    }
    selected = (folder / "words.txt").read_text(encoding="utf-8").split("\n")[:-1]
    matrix = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    assert matrix.shape == (len(selected), arguments.dimension)
    for place in range(0, len(selected), 100):
        if selected[place] in numbers:
            np.testing.assert_array_equal(matrix[place], row(numbers[selected[place]], arguments.dimension))
    for name in ("vectors.bin", "tokens.tsv", "words.txt", "vectors.npy", "vectors.json"):
        (folder / name).unlink()
    print(json.dumps({"bytes": size, "words_kept": len(selected), **result._asdict()}))


if __name__ == "__main__":
    main()
