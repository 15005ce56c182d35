"""Stopping and going on: everything a run needs to end with the same bits as one without a stop."""

import contextlib
import signal
import time

from support import leave
from support.ranks import add_up, from_the_first, is_first

import minigrad as mg

SETTINGS = (
    "model",
    "epochs",
    "batch_size",
    "lr",
    "weight_decay",
    "seed",
    "compare",
    "evaluate_every",
)


class Interrupted(Exception):
    """Ctrl-C was pressed; the message says what was saved and how to go on."""


class Run:
    """Where a run stands, and what it measured."""

    def __init__(self):
        self.epoch = self.step = 0
        self.loss = self.right = self.seen = self.seconds = 0.0  # of the epoch under way
        self.history, self.curve = [], []
        self._since = time.perf_counter()

    def count(self, loss, right, n):
        """Add one batch: the parts of all processes."""
        self.step += 1
        loss, right, n = add_up(loss * n if n else 0.0, right, n)
        self.loss, self.right, self.seen = self.loss + loss, self.right + right, self.seen + n

    def clock(self):
        """Return the seconds of this epoch, those before a stop included."""
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds

    def end_of_epoch(self, test_accuracy, lr):
        """Close the epoch."""
        self.epoch += 1
        self.history.append({
            "epoch": self.epoch, "step": self.step, "loss": self.loss / self.seen,
            "train_accuracy": self.right / self.seen, "test_accuracy": test_accuracy, "lr": lr,
            "seconds": self.clock(),
        })  # fmt: skip
        h = self.history[-1]
        print(
            f"epoch {self.epoch:2d}  loss {h['loss']:.4f}  train {h['train_accuracy']:.2%}  "
            f"test {test_accuracy:.2%}  {h['seconds']:.1f} s",
            flush=True,
        )
        self.loss = self.right = self.seen = self.seconds = 0.0


class Checkpoint:
    """The file ``checkpoint.safetensors`` of a run (``checkpoint-none…`` without norm)."""

    def __init__(self, args, norm):
        suffix = f"-{norm}" if args.compare else ""
        self.args, self.path = args, args.out / f"checkpoint{suffix}.safetensors"
        self.settings = {name: getattr(args, name) for name in SETTINGS}
        self.settings.update(norm=norm, data=args.trained_on)  # with these the run is what it is
        self.interrupted = False

    def begin(self, **parts):
        """Return the run, restored into ``parts`` where the arguments say --resume."""
        self.parts, self.run = parts, Run()
        saved = from_the_first(self._read) if self.args.resume else None
        if saved is not None:
            self._restore(saved)
        signal.signal(signal.SIGINT, self._on_interrupt)
        return self.run

    def _read(self):
        """Return what was saved, None for the second net of a comparison that is still to begin."""
        if self.path.is_file():
            with self._errors():
                saved = mg.load(self.path)
                self._compare(saved["settings"])
                return saved
        if not (self.args.compare and any(self.args.out.glob("checkpoint-*.safetensors"))):
            self.args.error(f"--resume: no checkpoint {str(self.path)!r}; start without --resume")

    @contextlib.contextmanager
    def _errors(self):
        """Say in one line why a file is no checkpoint of this run."""
        try:
            yield
        except KeyError as error:
            self.args.error(
                f"--resume: {str(self.path)!r} is no checkpoint of this example: it has no {error}"
            )
        except (OSError, ValueError, TypeError, IndexError, RuntimeError) as error:
            self.args.error(f"--resume: {str(self.path)!r} is no checkpoint of this run: {error}")

    def _restore(self, saved):
        with self._errors():
            for name, part in self.parts.items():
                part.load_state_dict(saved[name])
            missing = {"run", "random"} - set(saved)
            if missing:
                raise KeyError(*missing)
        mg.set_rng_state(saved["random"])
        vars(self.run).update(saved["run"])

    def _compare(self, saved):
        """Refuse to resume with another net, other data or other settings than those of the run."""
        differ = [
            f"--{name.replace('_', '-')} {saved[name]} (now {now})"
            for name, now in self.settings.items()
            if saved[name] != now
        ]
        if differ:
            self.args.error(
                f"--resume: the run in {str(self.path)!r} was started with {', '.join(differ)}"
            )

    def save(self):
        """Write everything, whole or not at all; the first process does it for all."""
        self.run.clock()
        if not is_first():
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state["random"] = mg.Tensor(mg.get_rng_state())
        state["run"] = {k: v for k, v in vars(self.run).items() if not k.startswith("_")}
        state["settings"] = self.settings
        mg.save(state, self.path)

    def _on_interrupt(self, *_):
        if self.interrupted:  # a second Ctrl-C does not wait
            leave()
        self.interrupted = True

    def leave_if_interrupted(self):
        """Between two steps, where everything is consistent: save and leave after Ctrl-C.

        All processes leave after the same step, whichever heard of it first.
        """
        (interrupted,) = add_up(self.interrupted)
        if interrupted:
            self.save()
            raise Interrupted(
                f"Interrupted after step {self.run.step}; saved {self.path}. Go on with --resume "
                f"and "
                "the same arguments."
            )
