"""Byte-level BPE as GPT-2 does it: learns merges, encodes, and writes a Hugging Face tokenizer.json."""

import json
import re
from collections import Counter, defaultdict

# GPT-2's pattern parts text into words, numbers, signs and spaces. Python's re has no \p{L}: these are the same for ASCII.
SPLIT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
END = "<|endoftext|>"


def byte_alphabet():
    """GPT-2 writes each byte as one printable character."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in alphabet:
            alphabet[byte] = chr(256 + len(alphabet) - len(printable))
    return alphabet


ALPHABET = byte_alphabet()


def pieces(text):
    """The words of a text, each as a string of byte characters."""
    return ["".join(ALPHABET[byte] for byte in word.encode("utf-8")) for word in SPLIT.findall(text)]


def learn(text, vocabulary_size):
    """Merges the most frequent pair of neighbours until the vocabulary is full. Ties go to the pair first in the alphabet."""
    counts = Counter(pieces(text))
    words = [list(word) for word in sorted(counts)]
    weights = [counts["".join(word)] for word in words]
    pair_counts, where = Counter(), defaultdict(set)
    for index, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pair_counts[pair] += weights[index]
            where[pair].add(index)
    vocabulary = [END, *(ALPHABET[byte] for byte in sorted(ALPHABET, key=lambda b: ALPHABET[b]))]
    merges = []
    while len(vocabulary) < vocabulary_size:
        best = min(pair_counts, key=lambda pair: (-pair_counts[pair], pair))
        merges.append(best)
        vocabulary.append("".join(best))
        for index in list(where[best]):
            word = words[index]
            for pair in zip(word, word[1:]):
                pair_counts[pair] -= weights[index]
                where[pair].discard(index)
            merged, at = [], 0
            while at < len(word):
                if tuple(word[at : at + 2]) == best:
                    merged.append("".join(best))
                    at += 2
                else:
                    merged.append(word[at])
                    at += 1
            words[index] = merged
            for pair in zip(merged, merged[1:]):
                pair_counts[pair] += weights[index]
                where[pair].add(index)
        pair_counts = +pair_counts
    return {"vocabulary": {token: index for index, token in enumerate(vocabulary)}, "merges": merges}


class Encoder:
    def __init__(self, bpe):
        self.vocabulary = bpe["vocabulary"]
        self.rank = {tuple(pair): index for index, pair in enumerate(bpe["merges"])}
        self.known = {}

    def word(self, word):
        if word not in self.known:
            parts = list(word)
            while len(parts) > 1:
                rank, at = min((self.rank.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:])))
                if rank == 1 << 30:
                    break
                parts[at : at + 2] = ["".join(parts[at : at + 2])]
            self.known[word] = [self.vocabulary[part] for part in parts]
        return self.known[word]

    def encode(self, text):
        return [token for word in pieces(text) for token in self.word(word)]


def tokenizer_json(bpe, wrap):
    """
    Hugging Face's tokenizer.json. `wrap` is its post-processor's template: `$A` is the text, END the special token.
    """
    template = [
        {"Sequence": {"id": "A", "type_id": 0}} if part == "$A" else {"SpecialToken": {"id": part, "type_id": 0}}
        for part in wrap
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": bpe["vocabulary"][END],
                "content": END,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template,
            "pair": template + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {END: {"id": END, "ids": [bpe["vocabulary"][END]], "tokens": [END]}},
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": bpe["vocabulary"],
            "merges": [" ".join(pair) for pair in bpe["merges"]],
        },
    }


def save(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)
        file.write("\n")
