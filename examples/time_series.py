"""An LSTM learns a noisy wave and goes on by itself:
    python examples/time_series.py --help

It reads a window, one number at a time, and predicts the next; to forecast, it is fed its own
predictions.
"""

from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim


class Forecaster(nn.Module):
    """An LSTM of 32 units and a linear layer that reads the next value from its state."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, x, state=None):
        """Return a prediction for each next value (N, T, 1), and the state to go on from."""
        hidden, state = self.lstm(x, state)
        return self.head(hidden), state

    @mg.no_grad()
    def forecast(self, past, n):
        """Return the n values (n,) that follow ``past`` (T,)."""
        prediction, state = self(past.reshape(1, -1, 1))
        values = [prediction[:, -1:]]
        for _ in range(n - 1):
            prediction, state = self(values[-1], state)
            values.append(prediction)
        return mg.cat(values, 1).flatten()


def wave(n):
    """Return n values of two waves with some noise, between -1 and 1 or so."""
    t = mg.arange(n).float()
    return 0.6 * (2 * mg.pi * t / 25).sin() + 0.4 * (2 * mg.pi * t / 60).sin() + 0.03 * mg.randn(n)


def main():
    """Train on 1,000 values, forecast the next 150, compare, draw."""
    args = arguments(__doc__, steps=(800, "of training, 16 windows of 120 values each"))
    mg.manual_seed(args.seed)
    series = wave(1150)
    known, future = series[:1000], series[1000:]
    windows = known.unfold(0, 121, 1)  # (880, 121)
    model = Forecaster()
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)

    steps = bar(range(args.steps))
    for _ in steps:
        batch = windows[mg.randint(len(windows), (16,))].unsqueeze(2)  # (16, 121, 1)
        prediction, _ = model(batch[:, :-1])
        loss = F.mse_loss(prediction, batch[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        steps.set_postfix(loss=f"{loss.item():.4f}", refresh=False)

    forecast = model.forecast(known, len(future))
    error = F.mse_loss(forecast, future).sqrt().item()
    guess = F.mse_loss(known[-1].expand(len(future)), future).sqrt().item()
    print(f"error of the next {len(future)} values: {error:.3f} (repeating the last: {guess:.3f})")

    drawing, axes = figure(width=9)
    axes.plot(range(850, 1000), known[850:].numpy(), color=COLORS[0], label="known")
    axes.plot(range(1000, 1150), future.numpy(), ":", color=COLORS[0], label="what came")
    axes.plot(range(1000, 1150), forecast.numpy(), color=COLORS[1], label="forecast")
    axes.set(title=f"150 values ahead, root mean square error {error:.3f}", xlabel="step")
    axes.legend(loc="lower left")
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
