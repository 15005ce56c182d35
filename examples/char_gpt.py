"""A small GPT learns to write text, character by character:
    python examples/char_gpt.py --help

By default it reads this project's own pages. Decoder blocks of causal self-attention and two
linear layers, each normalised before and added to its input (Radford et al., 2019).
"""

import math
from pathlib import Path

from support import EXAMPLES
from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim


class Attention(nn.Module):
    """Each character looks at those before it, in several heads."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        n, t, width = x.shape
        split = (n, t, 3, self.heads, width // self.heads)
        parts = self.qkv(x).reshape(split)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (N, heads, T, width / heads)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    """x + attention, then x + two linear layers."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Characters (N, T) to the logits of each next one (N, T, letters)."""

    def __init__(self, letters, context, width=96, heads=4, blocks=3):
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(letters, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, letters)

    def forward(self, x):
        position = self.positions(mg.arange(x.shape[1]))
        return self.head(self.norm(self.blocks(self.characters(x) + position)))

    @mg.no_grad()
    def write(self, start, n, temperature=0.8):
        """Return ``start`` (T,) and n characters more, drawn one by one."""
        text = start[None]
        for _ in range(n):
            logits = self(text[:, -self.context :])[:, -1]
            next_one = mg.multinomial((logits / temperature).softmax(1), 1)
            text = mg.cat([text, next_one], 1)
        return text[0]


def read(path, error):
    """Return the text of a file, or of all pages (*.md) in a folder."""
    path = Path(path)
    files = sorted(path.rglob("*.md")) if path.is_dir() else [path]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    if len(text) < 2000:
        error(f"--text: {path} has {len(text)} characters; at least 2,000 are needed")
    return text


def main():
    """Train; print the loss on text never trained on, and a sample; draw the curve."""
    args = arguments(
        __doc__,
        text=(str(EXAMPLES.parent / "docs"), "file to learn from, or folder of *.md"),
        steps=(600, "of training, 16 pieces of text each"),
        context=(64, "characters that it can look back"),
    )
    text = read(args.text, args.error)
    mg.manual_seed(args.seed)
    letters = sorted(set(text))
    number = {letter: i for i, letter in enumerate(letters)}
    data = mg.tensor([number[letter] for letter in text])
    windows = data.unfold(0, args.context + 1, 1)  # (characters - context, context + 1), a view
    n_train = int(0.9 * len(windows))
    model = GPT(len(letters), args.context)
    optimizer = optim.AdamW(model.parameters(), lr=2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    test = windows[mg.linspace(n_train + args.context, len(windows) - 1, 64).long()]

    def loss_of(batch):
        logits = model(batch[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())

    curve, steps = {}, bar(range(1, args.steps + 1))
    for step in steps:
        loss = loss_of(windows[mg.randint(n_train, (16,))])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 1 or step == args.steps:
            with mg.no_grad():
                curve[step] = loss_of(test).item() / math.log(2)
            steps.set_postfix(bits=f"{curve[step]:.2f}", refresh=False)

    bits = list(curve.values())[-1]
    print(f"{len(text):,} characters, {len(letters)} letters; bits a character on the last tenth:")
    print(f"{bits:.2f} (an even guess: {math.log2(len(letters)):.2f})\n")
    print("".join(letters[i] for i in model.write(data[: args.context], 300).tolist()))

    drawing, axes = figure()
    axes.plot(*zip(*curve.items(), strict=True), "o-", color=COLORS[0])
    axes.set(title="bits a character, text never trained on", xlabel="step", ylabel="bits")
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
