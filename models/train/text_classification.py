#!/usr/bin/env python3
"""
Makes cldr-language, which says which of 25 languages a text is in: naive Bayes over groups of two to four bytes, as a graph.

Data: names, times, dates, units and numbers in words from Unicode CLDR, as Node's Intl gives them (phrases.mjs).
      Licence: Unicode License v3.
Needs:  node 24, apt-get install python3-torch python3-onnx libopenblas0-pthread
Use:    OMP_NUM_THREADS=1 python3 text_classification.py --out ../text-classification/cldr-language
"""

import argparse
import json
import os
import subprocess
import time
from collections import Counter

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from byte_bpe import ALPHABET, END, save, tokenizer_json
from half_weights import halve

LANGUAGES = "ar cs da de el en es fi fr hi hu id it ja ko nl pl pt ro ru sv tr uk vi zh".split()
# Bytes of a text that are read.
LONGEST = 160
# Bytes in a group, and rows of the table into which groups are hashed.
GROUPS, ROWS = (2, 3, 4), 16384
SPACE = 32

# To measure only, never learned: sentences of everyday language, written for this script.
SENTENCES = {
    "ar": ["أين يمكنني شراء تذكرة القطار؟", "كان الطقس جميلا أمس.", "لا أعرف ماذا أفعل الآن."],
    "cs": ["Kde si mohu koupit jízdenku na vlak?", "Včera bylo hezké počasí.", "Nevím, co mám teď dělat."],
    "da": ["Hvor kan jeg købe en togbillet?", "Vejret var dejligt i går.", "Jeg ved ikke, hvad jeg skal gøre nu."],
    "de": ["Wo kann ich eine Fahrkarte kaufen?", "Gestern war das Wetter schön.", "Ich weiß nicht, was ich jetzt tun soll."],
    "el": ["Πού μπορώ να αγοράσω εισιτήριο;", "Χθες ο καιρός ήταν ωραίος.", "Δεν ξέρω τι να κάνω τώρα."],
    "en": ["Where can I buy a train ticket?", "The weather was lovely yesterday.", "I do not know what to do now."],
    "es": ["¿Dónde puedo comprar un billete de tren?", "Ayer hizo muy buen tiempo.", "No sé qué hacer ahora."],
    "fi": ["Mistä voin ostaa junalipun?", "Eilen oli kaunis sää.", "En tiedä, mitä minun pitäisi tehdä nyt."],
    "fr": ["Où puis-je acheter un billet de train ?", "Il faisait beau hier.", "Je ne sais pas quoi faire maintenant."],
    "hi": ["मैं ट्रेन का टिकट कहाँ खरीद सकता हूँ?", "कल मौसम बहुत अच्छा था।", "मुझे नहीं पता कि अब क्या करना है।"],
    "hu": ["Hol tudok vonatjegyet venni?", "Tegnap szép idő volt.", "Nem tudom, mit tegyek most."],
    "id": ["Di mana saya bisa membeli tiket kereta?", "Cuaca kemarin sangat bagus.", "Saya tidak tahu harus berbuat apa."],
    "it": ["Dove posso comprare un biglietto del treno?", "Ieri il tempo era bello.", "Non so cosa fare adesso."],
    "ja": ["電車の切符はどこで買えますか。", "昨日はとてもいい天気でした。", "今どうすればいいかわかりません。"],
    "ko": ["기차표는 어디에서 살 수 있나요?", "어제는 날씨가 아주 좋았어요.", "지금 무엇을 해야 할지 모르겠어요."],
    "nl": ["Waar kan ik een treinkaartje kopen?", "Gisteren was het mooi weer.", "Ik weet niet wat ik nu moet doen."],
    "pl": ["Gdzie mogę kupić bilet na pociąg?", "Wczoraj była ładna pogoda.", "Nie wiem, co mam teraz zrobić."],
    "pt": ["Onde posso comprar um bilhete de comboio?", "Ontem o tempo estava muito bom.", "Não sei o que fazer agora."],
    "ro": ["De unde pot cumpăra un bilet de tren?", "Ieri vremea a fost frumoasă.", "Nu știu ce să fac acum."],
    "ru": ["Где я могу купить билет на поезд?", "Вчера была хорошая погода.", "Я не знаю, что мне теперь делать."],
    "sv": ["Var kan jag köpa en tågbiljett?", "Vädret var vackert igår.", "Jag vet inte vad jag ska göra nu."],
    "tr": ["Tren biletini nereden alabilirim?", "Dün hava çok güzeldi.", "Şimdi ne yapacağımı bilmiyorum."],
    "uk": ["Де я можу купити квиток на потяг?", "Вчора була гарна погода.", "Я не знаю, що мені тепер робити."],
    "vi": ["Tôi có thể mua vé tàu ở đâu?", "Hôm qua thời tiết rất đẹp.", "Tôi không biết phải làm gì bây giờ."],
    "zh": ["我在哪里可以买火车票？", "昨天天气很好。", "我不知道现在该怎么办。"],
}


def load():
    """Phrases by language: to learn, and every tenth held out."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "phrases.mjs")
    lines = subprocess.run(["node", script, *LANGUAGES], check=True, capture_output=True, text=True).stdout.splitlines()
    learned, held_out = {language: [] for language in LANGUAGES}, []
    for index, line in enumerate(lines):
        entry = json.loads(line)
        if index % 10 == 9:
            held_out.append((entry["phrase"], LANGUAGES.index(entry["language"])))
        else:
            learned[entry["language"]].append(entry["phrase"])
    return learned, held_out


def row_of(group):
    """The row of a group of bytes: the graph computes the same."""
    value = len(group)
    for byte in group:
        value = (value * 263 + byte) % 1000003
    return value % ROWS


def count(learned):
    """How often each row occurs in each language. A word counts three times at most: CLDR repeats itself."""
    counts = np.zeros((ROWS, len(LANGUAGES)))
    for index, language in enumerate(LANGUAGES):
        words = Counter(word for phrase in learned[language] for word in phrase.lower().split())
        for word, times in words.items():
            text = bytes([SPACE, *word.encode(), SPACE])
            for length in GROUPS:
                for at in range(len(text) - length + 1):
                    counts[row_of(text[at : at + length]), index] += min(times, 3)
    return counts


def table_of(counts):
    """Log-probability of each row in each language, less its mean over the languages, which changes no answer."""
    # As if each row had been seen once more, in proportion to how much of a language was seen.
    smoothed = counts + counts.sum(0) / counts.sum(0).mean()
    logarithms = np.log(smoothed / smoothed.sum(0))
    return torch.tensor(logarithms - logarithms.mean(1, keepdims=True)).half().float()


class Classifier(nn.Module):
    """input_ids, attention_mask [batch, length] → logits [batch, 25]."""

    def __init__(self, vocabulary, table):
        super().__init__()
        values = torch.zeros(len(vocabulary), dtype=torch.int64)
        for byte, character in ALPHABET.items():
            values[vocabulary[character]] = SPACE if byte in b"\t\n\r" else byte
        self.register_buffer("values", values)
        self.table = nn.Parameter(table)
        # Groups overlap, so their evidence is counted less than in full: see `calibrate`.
        self.register_buffer("trust", torch.tensor(1.0))

    def forward(self, input_ids, attention_mask):
        real = F.pad(attention_mask, (1, 1))
        # Words stand between spaces, the first and the last too.
        text = F.pad(self.values[input_ids] * attention_mask + SPACE * (1 - attention_mask), (1, 1), value=SPACE)
        word = (text != SPACE).long()
        total, found = 0, 0
        for length in GROUPS:
            end = text.shape[1] - length + 1
            row, whole, some = torch.full_like(text[:, :end], length), 1, 0
            for offset in range(length):
                row = (row * 263 + text[:, offset : offset + end]) % 1000003
                some = some + real[:, offset : offset + end]
                if 0 < offset < length - 1:
                    whole = whole * word[:, offset : offset + end]
            # Groups lie in one word, with the space before or after it at most.
            counted = (whole * (some > 0).long()).float()
            total = total + (self.table[row % ROWS] * counted[..., None]).sum(1)
            found = found + counted.sum(1, keepdim=True)
        return total * self.trust / (found + 1).sqrt()


def padded(vocabulary, texts):
    rows = [[vocabulary[ALPHABET[byte]] for byte in text.lower().encode()[:LONGEST]] for text in texts]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return ids, torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])


def logits_of(model, vocabulary, examples):
    with torch.no_grad():
        parts = [examples[at : at + 256] for at in range(0, len(examples), 256)]
        return torch.cat([model(*padded(vocabulary, [text for text, _ in part])) for part in parts])


def calibrate(model, vocabulary, examples):
    """Sets the trust at which the probabilities of the examples fit best."""
    logits, targets = logits_of(model, vocabulary, examples), torch.tensor([target for _, target in examples])
    losses = {trust: F.cross_entropy(logits * trust, targets).item() for trust in [0.1 * step for step in range(1, 31)]}
    best = min(losses, key=losses.get)
    model.trust.fill_(best)
    return best, losses[best]


def accuracy(model, vocabulary, examples):
    found = logits_of(model, vocabulary, examples).argmax(1).tolist()
    wrong = [f"{LANGUAGES[target]}→{LANGUAGES[label]}" for label, (_, target) in zip(found, examples) if label != target]
    return 1 - len(wrong) / len(examples), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder for model.onnx, tokenizer.json and config.json")
    options = parser.parse_args()
    torch.set_num_threads(1)

    learned, held_out = load()
    tokens = [END, *(ALPHABET[byte] for byte in sorted(ALPHABET, key=lambda b: ALPHABET[b]))]
    bpe = {"vocabulary": {token: index for index, token in enumerate(tokens)}, "merges": []}
    vocabulary = bpe["vocabulary"]
    model = Classifier(vocabulary, table_of(count(learned)))
    print(f"{sum(map(len, learned.values()))} phrases learned, {len(held_out)} held out; {model.table.numel()} parameters")
    # Half of what is held out sets the trust, the other half measures.
    trust, loss = calibrate(model, vocabulary, held_out[::2])
    share, _ = accuracy(model, vocabulary, held_out[1::2])
    print(f"trust {trust:.1f}, loss {loss:.3f}; held-out phrases: {share:.3f} right")
    sentences = [(text, index) for index, language in enumerate(LANGUAGES) for text in SENTENCES[language]]
    share, wrong = accuracy(model, vocabulary, sentences)
    print(f"{len(sentences)} everyday sentences: {share:.3f} right; wrong (language→answer): {', '.join(wrong)}")

    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, "model.onnx")
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name in ("input_ids", "attention_mask")}
    example = torch.ones(2, 9, dtype=torch.int64)
    torch.onnx.export(
        model.eval(), (example, example), path, input_names=[*axes], output_names=["logits"],
        dynamic_axes={**axes, "logits": {0: "batch_size"}}, opset_version=14,
    )
    halve(path)
    document = tokenizer_json(bpe, ["$A"])
    document["normalizer"] = {"type": "Lowercase"}
    document["truncation"] = {"direction": "Right", "max_length": LONGEST, "strategy": "LongestFirst", "stride": 0}
    save(os.path.join(options.out, "tokenizer.json"), document)
    labels = {str(index): language for index, language in enumerate(LANGUAGES)}
    save(
        os.path.join(options.out, "config.json"),
        {
            "architectures": ["CldrForSequenceClassification"],
            "vocab_size": len(tokens),
            "max_position_embeddings": LONGEST,
            "id2label": labels,
            "label2id": {language: index for index, language in enumerate(LANGUAGES)},
        },
    )
    print(f"{path}: {os.path.getsize(path)} bytes, cpu {time.process_time():.0f} s")


if __name__ == "__main__":
    main()
