"""Small, realistic faults, put into a copy of the code one at a time: the tests must fail on each.

python tests/mutants.py            # run all, print who caught whom; exit status 1 where one survives
python tests/mutants.py --write    # also write docs/mutants.md
python tests/mutants.py --new --write    # run those that the page does not list, and add them to it
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutants.md"


def _however_broken(line: str) -> str:
    """Return a pattern that matches ``line`` with other white space, and broken after brackets."""
    pattern = ""
    for part in re.findall(r"\s+|[(\[{]|[)\]}]|[^\s()\[\]{}]+", line):
        if part.isspace():
            pattern += r"\s+"
        elif part in "([{":
            pattern += re.escape(part) + r"\s*"
        elif part in ")]}":
            pattern += r",?\s*" + re.escape(part)
        else:
            pattern += re.escape(part)
    return pattern


class Mutant(NamedTuple):
    """A fault: in ``file`` the text ``old``, found once, becomes ``new``; ``tests`` must then fail."""

    fault: str
    file: str
    old: str
    new: str
    tests: str = "tests/test_batchnorm.py"

    def places(self, text: str) -> list[re.Match]:
        """Return where ``old`` stands in ``text``, however the formatter has broken its lines."""
        inner = self.old.strip()
        start, end = self.old.split(inner)
        return list(re.finditer(re.escape(start) + _however_broken(inner) + re.escape(end), text))


FOLDING = "nn/batchnorm/folding.py"
CALLS, MATRICES = "tests/test_function_calls.py", "tests/test_matrix_factors.py"
BN, STATS, SWEEP = "nn/batchnorm/layers.py", "nn/batchnorm/statistics.py", "minigrad/engine/sweep.py"
TAKE_MEAN = '    mu = batch.mean(x).named("μ")'
VARIANCE = 'var = batch.mean_square(centered).named("σ²")'
BY_RUNNING = "            return _by_running(input, self.running_mean"
FORWARD = '"""Normalise (N, C, *) per channel; in training also move the running statistics."""\n'
ENGINE = "tests/test_sweep.py tests/test_tensor.py tests/test_primitives.py"
MUTANTS = (
    Mutant("dx := 0", BN, TAKE_MEAN, "    x = x.detach() + 0 * x\n" + TAKE_MEAN),
    Mutant("dx := −7·dx", BN, TAKE_MEAN, "    x = 8 * x.detach() - 7 * x\n" + TAKE_MEAN),
    Mutant("μ detached inside σ²", BN, VARIANCE, 'var = batch.mean((x - mu.detach()) ** 2).named("σ²")'),
    Mutant("σ² detached", BN, "div_sqrt(centered, var, eps=float(eps))", "div_sqrt(centered, var.detach(), eps=float(eps))"),
    Mutant("μ detached", BN, "subtract_mean(x, mu, batch)  #", "subtract_mean(x, mu.detach(), batch)  #"),
    Mutant("eps outside the root", BN, "div_sqrt(centered, var, eps=float(eps))", "(centered / (var.sqrt() + eps))"),
    Mutant("one-pass variance", BN, VARIANCE, 'var = (batch.mean(x * x) - mu * mu).named("σ²")'),
    Mutant("rounding of the mean left in", BN, "    np.subtract(values, expand_channels(error, values), out=values)", "    pass"),
    Mutant("normalised by the unbiased variance", BN, VARIANCE, 'var = (batch.mean_square(centered) * (batch.count / (batch.count - 1))).named("σ²")'),
    Mutant("biased variance remembered", BN, "var * (m / max(m - 1, 1)), m", "var, m"),
    Mutant("momentum reversed", STATS, "array *= old_share", "array *= new_share"),
    Mutant(
        "statistics updated in evaluation", BN, BY_RUNNING,
        "            self.track_batch(*normalize(input.detach(), None, None, self.eps)[1:])\n" + BY_RUNNING,
    ),
    Mutant(
        "counted before validation", BN, FORWARD,
        FORWARD + "        if self.training and self.num_batches_tracked is not None:\n"
        "            self.num_batches_tracked.fill_(self.num_batches_tracked.item() + 1)\n",
    ),
    Mutant("statistics moved before validation", BN, "    if m == 1 and not", "    if m < 1 and not"),
    Mutant("statistics of convolutions per position", BN, "self.axes = (0, *range(2, x.ndim))", "self.axes = (0,)"),
    Mutant("keepdims lost", BN, "mean(t, axis=self.axes, keepdims=True)", "mean(t, axis=self.axes, keepdims=False)"),
    Mutant("nan and inf remembered", STATS, "    if not m or np.dot(values, values) < math.inf:", "    if True:"),
    Mutant("frozen statistics move", BN, "self.training and not self.frozen_stats", "self.training"),
    Mutant(
        "shards merged without their counts", BN, "        self.count = int(totals[-1])\n", "", "tests/test_shards.py",
    ),
    Mutant("the mean over shards is a constant", BN, "= self.c + self.mean_of_d  #", "= self.c + self.mean_of_d.detach()  #", "tests/test_shards.py"),
    Mutant("shards add up what are different layers'", "nn/batchnorm/shards.py", "if reached == step and at != layer:", "if False:", "tests/test_shards.py"),
    Mutant("conversion takes virtual batches for whole ones", "nn/batchnorm/sync.py", "if isinstance(layer, GhostBatchNorm):", "if False:", "tests/test_shards.py"),
    Mutant("ranks do not compare", "minigrad/distributed/work.py", "if self._numbers is not None and self._numbers[0] != -self._numbers[1]:", "if False:", "tests/test_distributed.py::test_what_one_rank_does_ends_all_and_is_named[differ_in_reduction-2]"),
    Mutant("a write over MPI is not told to the graph", "minigrad/distributed/buffers.py", "    if array is buffer:\n        bump_version(array, by)", "    if array is buffer:\n        pass", "tests/test_distributed.py::test_a_group_of_one"),
    Mutant("a leaf is handed over too early", "minigrad/engine/delivery.py", "min(sequence, last.get(operand, sequence))", "max(sequence, last.get(operand, sequence))", "tests/test_differentiate.py"),
    Mutant("a parameter that one rank does not use has no gradient", "nn/parallel/buckets.py", "                part.fill(0)\n                self.flags[i] = 0", "                part.fill(0)\n                self.flags[i] = -99", "tests/test_distributed.py::test_in_several_processes[unused-2]"),
    Mutant("gradients are summed, not averaged", "nn/parallel/buckets.py", "np.divide(total, size, out=array", "np.divide(total, 1, out=array", "tests/test_distributed.py::test_in_several_processes[training-2]"),
    Mutant("parts of unequal size count alike", "nn/parallel/distributed.py", "return g * ctx.weight, None", "return g * 1, None", "tests/test_distributed.py::test_in_several_processes[training-2]"),
    Mutant("ghost batches begin anew on each rank", "nn/batchnorm/ghost.py", "return int(sizes[: group.rank()].sum()), int(sizes.sum())", "return 0, n", "tests/test_distributed.py::test_in_several_processes[sync_batchnorm-2]"),
    Mutant("a lone sample is normalised to zero", "nn/batchnorm/recalibrate.py", "if x.numel() == x.shape[1] else None", "if False else None", "tests/test_recalibrate.py"),
    Mutant("an array that is written later reaches the gradient", "nn/arguments.py", "Tensor._wrap(np.array(value))", "Tensor._wrap(np.asarray(value))", "tests/test_arguments.py"),
    Mutant("an evaluation's backward reads what a later batch left", BN, "statistic._data.copy()", "statistic._data"),
    Mutant("unfreeze asks for gradients that were off before", STATS, "parameter.requires_grad or name in held", "True"),
    Mutant("the last small batch weighs as much as the others", "nn/batchnorm/recalibrate.py", "gap * (m / n)", "gap / len(self.batches)", "tests/test_recalibrate.py"),
    Mutant("a layer is folded whose input is read elsewhere", FOLDING, "if not why and not call.exclusive:", "if False:", "tests/test_fusion.py"),
    Mutant("a fold that changes the outputs stays", FOLDING, "        return False\n    return len(outputs) == len(expected) > 0 and all(", "        return False\n    return True or all(", "tests/test_fusion.py"),
    Mutant("a layer with hooks is folded", FOLDING, "own or any(node.hooks or", "any(node.hooks or", "tests/test_fusion.py"),
    Mutant("a broadcast is not summed back", SWEEP, "if out.shape != operand.shape:", "if False:", ENGINE),
    Mutant("a cotangent that others hold is added to in place", SWEEP, "elif entry[2] and in_place:", "elif in_place:", ENGINE),
    Mutant("an overwritten value is not noticed", SWEEP, "        if sequence < VERSIONS.last:", "        if False:", ENGINE),
    Mutant("what an observer was shown is added to", SWEEP, "in_place = lift is None and tap is None", "in_place = lift is None", "tests/test_explain.py"),
    Mutant("a gradient is taken to the host", "minigrad/engine/backward.py", "np.copy(g, order=\"C\")", "np.array(g, order=\"C\")", "tests/test_device.py"),
    Mutant("a graph can be used twice by accident", SWEEP, "            node.saved = FREED\n", "            pass\n", ENGINE),
    Mutant("a gradient's dtype is not its tensor's", SWEEP, "if out.dtype is not operand.dtype and out.dtype != operand.dtype:", "if False:", ENGINE),
)  # fmt: skip
CHECKPOINT, FUNCTION = "minigrad/utils/checkpoint.py", "minigrad/autograd/function.py"
EXPLAIN, FUNC = "tests/test_explain.py", "tests/test_func.py"
AUTOGRAD = (
    Mutant("a checkpoint keeps its inside", CHECKPOINT, "node.saved = _Dropped(self, place)", "pass", "tests/test_checkpoint.py"),
    Mutant("a checkpoint draws new random numbers", CHECKPOINT, "default_generator.set_state(self.state)", "pass", "tests/test_checkpoint.py"),
    Mutant("a checkpoint counts a batch twice", CHECKPOINT, "recording(), hold_statistics()", "recording()", "tests/test_checkpoint.py"),
    Mutant("a Function's backward result is added to in place", "minigrad/autograd/function_nodes.py", "g._data[...]", "g._data", "tests/test_function.py"),
    Mutant("a Function's saved tensor is not watched", FUNCTION, "by = written_since(array, self._moment)", "by = None", "tests/test_function.py"),
    Mutant("a Function's saved output stands outside the graph", "minigrad/autograd/function_nodes.py", "reference() or self._output(i, *outputs[i])", "None", "tests/test_function.py"),
    Mutant("a hook's answer is not checked", "minigrad/engine/backward.py", "            _check_answer(hook, answer, tensor)\n", "", "tests/test_differentiate.py"),
    Mutant("a hook holds its tensor in a circle", "minigrad/tensor/tensor.py", "known = weakref.ref(self)", "known = (lambda x: lambda: x)(self)", "tests/test_differentiate.py"),
    Mutant("a vacuous gradcheck passes", "minigrad/autograd/gradcheck.py", "if any(sizes) and max(grads) < 1e-7:", "if False:", "tests/test_gradcheck.py"),
    Mutant("a kink passes for smooth", "minigrad/autograd/gradcheck.py", "_KINK = 1e-3", "_KINK = 1e3", "tests/test_gradcheck.py"),
    Mutant("a cut below is blamed on another", "minigrad/autograd/explain.py", "node is None or node in above", "True", EXPLAIN),
    Mutant("a masked branch is not named", "minigrad/autograd/anomaly.py", "return bool((where_nan == 0).all())", "return False", EXPLAIN),
    Mutant("an inner transform forgets the outer", "minigrad/func/level.py", "if not self.recording:", "if True:", FUNC),
    Mutant("tied weights come apart", "minigrad/func/stateless.py", "if tie_weights:", "if False:", FUNC),
    Mutant("a hook sees no output gradient", "nn/backward_hooks.py", "            self.grad_output = grads\n", "            pass\n", "tests/test_backward_hooks.py"),
)  # fmt: skip
VALUES, PICTURES = "minigrad/viz/node_values.py", "tests/test_viz.py tests/test_viz_modules.py"
REPEATS, LINKS, UNCHANGED = "minigrad/viz/repeats.py", "minigrad/engine/recording.py", "minigrad/utils/unchanged.py"
VIZ = (
    Mutant("a frame forgets the frame around it", "minigrad/viz/module_calls.py", "            at = self._cluster_of[id(scope)]", "            at = None", PICTURES),
    Mutant("the order of operands is lost", "minigrad/viz/labels.py", "node.primitive.name not in COMMUTATIVE", "False", PICTURES),
    Mutant("1 − x is drawn as x − 1", "minigrad/viz/labels.py", "FORMULAS[name].format(*words)", "FORMULAS[name].format(*words[::-1])", PICTURES),
    Mutant("an edge shows the gradient of the result", "minigrad/viz/watch.py", "{place: out for place, _, out in sent}", "{place: g for place, _, out in sent}", PICTURES),
    Mutant("merged edges show the gradient of one", "minigrad/viz/merge.py", "    return a + b\n", "    return a\n", PICTURES),
    Mutant("an old .grad is drawn as this graph's", VALUES, "operations = (node for node in order if node.primitive is not None)", "operations = iter(order)", PICTURES),
    Mutant("another sweep's numbers are shown", VALUES, "passed is None or passed.sweep != last", "passed is None", PICTURES),
    Mutant("equal blocks keep what one keeps", REPEATS, "saved=sum(v.saved for v in vertices)", "saved=first.saved", PICTURES),
    Mutant("equal blocks have the gradient of one", REPEATS, "gradient=value_range(v.gradient for v in vertices)", "gradient=first.gradient", PICTURES),
    Mutant("a letter is another's name", "minigrad/viz/labels.py", "for letter in letters if letter not in taken", "for letter in letters", PICTURES),
    Mutant("what stands before the first parameter is lost", LINKS, "tick(), True\n    try:", "tick(), False\n    try:", PICTURES),
    Mutant("who keeps a result keeps its graph", LINKS, "            if operand_node.requires_grad:\n                return\n", "", PICTURES),
    Mutant("looking at a model draws random numbers", UNCHANGED, "with fork_rng(), hold_statistics():", "with hold_statistics():", PICTURES),
    Mutant("looking at a model writes its buffers", UNCHANGED, "                array[...] = old\n", "                pass\n", PICTURES),
    Mutant("watching keeps the graph in a circle", "minigrad/viz/watch.py", "plain = tuple(v if isinstance(v, (np.ndarray, int, float)) else None for v in saved)", "plain = tuple(saved)", PICTURES),
    Mutant("a picture keeps the graph", "minigrad/viz/build.py", "    readers: Counter", "    picture.alive = order\n    readers: Counter", PICTURES),
    Mutant("the viewBox cuts the top off", "minigrad/viz/render.py", "return process.stdout", """return process.stdout.replace(b'viewBox="0.00 0.00', b'viewBox="0.00 20.00')""", PICTURES),
    Mutant("blocks that differ are drawn as one", REPEATS, " and signatures[candidate] == signatures[c.id]", "", PICTURES),
    Mutant("a repeat is not counted", REPEATS, "times.get(first, 1) + 1", "times.get(first, 0) + 1", PICTURES),
    Mutant("a name is taken for markup", "minigrad/viz/dot.py", 'text.replace("&", "&amp;")', "text", PICTURES),
    Mutant("what several hand back is not added up", "minigrad/viz/steps.py", "total = cotangent if before is None else before + cotangent", "total = cotangent", "tests/test_viz_steps.py"),
    Mutant("stopping early uses the graph up", "minigrad/viz/steps.py", "[gradient], None, True, False)", "[gradient], None, retain_graph, False)", "tests/test_viz_steps.py"),
    Mutant("stopping early changes .grad", "minigrad/viz/steps.py", "    yield from run.steps\n    for node, g, owned in grads:\n        accumulate(node, g, owned)\n", "    for node, g, owned in grads:\n        accumulate(node, g, owned)\n    yield from run.steps\n", "tests/test_viz_steps.py"),
)  # fmt: skip
ALIGN, PAGES, BOXES = "minigrad/viz/align.py", "tests/test_viz_page.py", "tests/test_viz_page_boxes.py"
CLOSED = f"{BOXES}::test_any_set_of_open_boxes_is_the_picture_closed_there"
LINES = "tests/test_viz_layout.py::test_no_line_runs_through_what_it_does_not_belong_to"
VIZ_PAGES = (
    Mutant("numbers outweigh equality: an inserted layer moves those behind it", ALIGN, "EQUAL, ALIKE, NAMESAKE = 4.0, 2.0, 0.5", "EQUAL, ALIKE, NAMESAKE = 4.0, 2.0, 9.0", "tests/test_viz_diff.py"),
    Mutant("calls of two classes are the same", ALIGN, "if self.kind != other.kind:", "if False:", "tests/test_viz_diff.py"),
    Mutant("the ratio of two runs is upside down", "minigrad/viz/elements.py", "return now / before", "return before / now", "tests/test_viz_diff.py"),
    Mutant("an arrow of a closed box carries one gradient of many", "minigrad/viz/folding.py", "arrows[key] = join_edges(arrows[key], e)", "pass", CLOSED),
    Mutant("a closed box reads what is inside it", "minigrad/viz/folding.py", "for call in mine if call not in shared)]", "for call in mine)]", CLOSED),
    Mutant("a value read inside leaves its box", "minigrad/viz/folding.py", "if call not in inside_both:", "if True:", CLOSED),
    Mutant("a long edge is not cut", "minigrad/viz/long_edges.py", "cut = edge._replace(source=number)", "cut = edge", "tests/test_viz.py::test_what_is_read_far_away_is_drawn_there_again"),
    Mutant("a name ends the page's script", "minigrad/viz/page.py", 'return text.replace("<", ', 'return text.replace("\\0", ', f"{PAGES}::test_the_page_stands_alone"),
    Mutant("a step in a closed box lights nothing", "minigrad/viz/stepping.js", "null : folding.shown(vertex)", "null : data.nodes[vertex]", f"{BOXES}::test_every_step_lights_a_box_at_every_depth"),
    Mutant("what is found stays closed", "minigrad/viz/folding.js", "for (const at of around(call)) opened.add(at);", "", f"{BOXES}::test_find_looks_into_closed_boxes_and_goes_on"),
    Mutant("a line is straight through what stands beside it", "minigrad/viz/layering.js", "Math.min(high, Math.max(low, sum / (k - i)))", "sum / (k - i)", LINES),
    Mutant("a line enters a frame somewhere else", "minigrad/viz/layout.js", "item.ports.set(run, v.x - x0);", "item.ports.set(run, 0);", LINES),
    Mutant("any site reads the numbers of a run", "minigrad/viz/live_server.py", 'if self.headers.get("Host") not in names:', "if False:", "tests/test_viz_live.py"),
    Mutant("statistics are taken though nobody looks", "minigrad/viz/live.py", "if self._asked and monotonic()", "if monotonic()", "tests/test_viz_live.py"),
)  # fmt: skip
INDEX, LINALG, EINSUM = "minigrad/ops/indexing.py", "minigrad/ops/linalg.py", "minigrad/ops/einsum.py"
ELEMENTWISE, SCAN, WINDOW = "minigrad/ops/elementwise.py", "minigrad/ops/scan.py", "minigrad/ops/window.py"
PRIMITIVES, INDEXING = "tests/test_primitives.py", "tests/test_indexing.py"
OPERATIONS = (
    Mutant("an element indexed twice gets one gradient", INDEX, "        np.add.at(total, index, g)", "        total[index] = g", PRIMITIVES),
    Mutant("overlapping pieces overwrite each other", INDEX, "        total[index] += g", "        total[index] = g", "tests/test_sweep.py"),
    Mutant("an element gathered twice gets one gradient", INDEX, "        np.add.at(out, where, g)", "        out[where] = g", PRIMITIVES),
    Mutant("what was overwritten keeps its gradient", INDEX, "setitem(g, 0.0, index=index, within=within)", "g", INDEXING),
    Mutant("ties of a scattered extreme each get all", INDEX, "return _number(x == out, x) * share", "return _number(x == out, x) * g", "tests/test_kinks.py"),
    Mutant("a tuple in an index is no array", "minigrad/functions/mixed_index.py", "    elif type(p) is list or isinstance(p, Sequence):", "    elif type(p) is list:", INDEXING),
    Mutant("an ellipsis for nothing keeps index arrays apart", "minigrad/functions/mixed_index.py", "if arrays and sum(map(taken, parts)) == ndim:", "if False:", INDEXING),
    Mutant("a repeated letter's gradient is not a diagonal", EINSUM, "return np.transpose(result, _axes_back(own, target)) if repeats else result", "return result", PRIMITIVES),
    Mutant("a letter summed in one operand alone is forgotten", EINSUM, "known.get(letter, 1) == 1", "letter not in known", f"tests/test_linalg.py {PRIMITIVES}"),
    Mutant("the inverse's gradient has lost its sign", LINALG, "lambda g, out, _x: -np.matmul(mT(out), np.matmul(g, mT(out)))", "lambda g, out, _x: np.matmul(mT(out), np.matmul(g, mT(out)))", PRIMITIVES),
    Mutant("the system is solved untransposed", LINALG, "lambda g, _out, a, _b: solve(mT(a), g))", "lambda g, _out, a, _b: solve(a, g))", PRIMITIVES),
    Mutant("a singular matrix has no gradient of det", LINALG, "if (np.abs(value) > precision * largest).all():", "if True:", "tests/test_linalg.py"),
    Mutant("hardtanh's bounds pass the gradient", ELEMENTWISE, "(x <= min) | (x >= max)", "(x < min) | (x > max)", "tests/test_kinks.py"),
    Mutant("a bound passes the gradient as before PyTorch 2.14", ELEMENTWISE, "return x > low if high is None else (x > low) & (x < high)", "return x >= low if high is None else (x >= low) & (x <= high)", "tests/test_versions.py"),
    Mutant("crossed bounds keep their gradient from high", ELEMENTWISE, "masked(g, ((x > high) & (low <= high)) | (low > high))", "masked(g, (x > high) & (low <= high))", "tests/test_versions.py"),
    Mutant("NumPy's warnings are heard", "minigrad/silence.py", 'module.__dict__["__name__"] = None', "pass", "tests/test_silence.py"),
    Mutant("where's branches are mixed up", ELEMENTWISE, "np.where(condition, 0.0, g)", "np.where(condition, g, 0.0)", PRIMITIVES),
    Mutant("a product with a zero divides by it", SCAN, "return _before(x, axis) * np.flip(_before(np.flip(x, axis), axis), axis)", "return np.prod(x, axis=axis, keepdims=True) / x", "tests/test_kinks.py"),
    Mutant("ties of max each get all", "minigrad/ops/reduction.py", "astype(ties, dtype=wide)", "astype(ties * 0 + 1, dtype=wide)", "tests/test_kinks.py"),
    Mutant("padding wins a maximum", WINDOW, "    best = padded(x, padding, -math.inf)", "    best = padded(x, padding, 0.0)", "tests/test_window.py"),
    Mutant("the kernel is not turned round", WINDOW, "flipped = np.flip(w, tuple(range(2, w.ndim)))", "flipped = w", f"tests/test_window.py {PRIMITIVES}"),
    Mutant("samples of the part before stay behind the last", "minigrad/ops/columns.py", "            samples[count:] = 0\n", "", "tests/test_window.py"),
    Mutant("the first part of a weight's gradient is lost", WINDOW, "        total += np.add.reduce(products, (0, 3), out=part)", "        total[...] = np.add.reduce(products, (0, 3), out=part)", "tests/test_window.py"),
    Mutant("float and int make the wider", "minigrad/dtypes.py", "    return a if high > low else b\n", "    return np.promote_types(a, b)\n", "tests/test_calls.py"),
)  # fmt: skip
INPLACE, INTEROP, RANDOM = "minigrad/tensor/inplace.py", "minigrad/tensor/numpy_protocol.py", "minigrad/random.py"
VIEWS = "minigrad/engine/views.py"
IN_PLACE, PROTOCOLS, FILES = "tests/test_inplace.py", "tests/test_protocols.py", "tests/test_serialization.py"
SURROUNDINGS = (
    Mutant("a write by method is not counted", INPLACE, "            bump_version(self._data, by)\n", "", IN_PLACE),
    Mutant("a write by index is not counted", INPLACE, "        bump_version(_part(place, index), by)\n", "", f"{ENGINE} {IN_PLACE}"),
    Mutant("a leaf is written inside the graph", INPLACE, "if MODES.grad_enabled and node is not None and node.primitive is None:", "if False:", IN_PLACE),
    Mutant("a view keeps its old place in the graph", VIEWS, "            view.__class__ = Recorded._stale\n", "            pass\n", IN_PLACE),
    Mutant("the base of a written view keeps its old place", VIEWS, "    if base is x:\n        replace_node", "    if True:\n        replace_node", IN_PLACE),
    Mutant("what a write saved of the memory it writes to is not copied", VIEWS, "        return np.copy(value)\n", "        return value\n", IN_PLACE),
    Mutant("a shared memory is left behind by a recorded write", VIEWS, "if x._shared or base_of(x)", "if base_of(x)", IN_PLACE),
    Mutant("the gradient of what was overwritten is not zero", "minigrad/ops/indexing.py", "overwrite(g, 0.0, view=view)", "g", IN_PLACE),
    Mutant("an index written later goes unnoticed", SWEEP, "            if writer is not None:\n", "            if False:\n", IN_PLACE),
    Mutant("a write elsewhere in the memory is an error", "minigrad/storage.py", "if when > moment and _overlap(own, part):", "if when > moment:", IN_PLACE),
    Mutant("copy_ keeps the old value's gradient", INPLACE, "(not recorded or by == \"copy_\")", "not recorded", IN_PLACE),
    Mutant("views count their own writes", "minigrad/storage.py", "        array = base  # as_strided", "        break  # as_strided", f"{ENGINE} {IN_PLACE}"),
    Mutant("a gradient of another dtype is taken", "minigrad/tensor/tensor.py", "            if value.dtype != self.dtype:\n", "            if False:\n", "tests/test_differentiate.py"),
    Mutant("a NumPy function means what was entered last", "minigrad/primitive.py", "    if function in TABLE:\n", "    if False:\n", PROTOCOLS),
    Mutant("a gradient slips out by asarray", INTEROP, "        if self._node is not None:\n            raise RuntimeError(_NUMPY)\n        if MODES", "        if MODES", PROTOCOLS),
    Mutant("out= of a recorded call is written", INTEROP, " or any(getattr(x, \"_node\", None) is not None for x in operands)", "", PROTOCOLS),
    Mutant("reversed memory is handed over", INTEROP, "if any(step < 0 for step in self._data.strides):", "if False:", PROTOCOLS),
    Mutant("an input's empty check passes", "minigrad/autograd/gradcheck.py", "if size and reached and largest < 1e-7:", "if False:", "tests/test_gradcheck.py"),
    Mutant("no cotangent counts as a wrong one", "minigrad/autograd/gradcheck.py", "        if undefined:\n", "        if False:\n", "tests/test_gradcheck.py"),
    Mutant("a gradient without dimensions has norm 0", "minigrad/autograd/lines.py", "    if not isinstance(values, _VALUES):\n        return 0.0", "    if not isinstance(values, np.ndarray):\n        return 0.0", EXPLAIN),
    Mutant("inference mode records inside enable_grad", "minigrad/modes.py", "        self.previous.append(MODES.grad_enabled)\n        MODES.grad_enabled = self.mode and not MODES.inference", "        self.previous.append(MODES.grad_enabled)\n        MODES.grad_enabled = self.mode", "tests/test_differentiate.py"),
    Mutant("no_grad stays after an exception", "minigrad/modes.py", "        self.previous.append(MODES.grad_enabled)\n        MODES.grad_enabled = self.mode and not MODES.inference\n\n    def __exit__(self, *_: object) -> None:\n        MODES.grad_enabled = self.previous.pop()\n", "        self.previous.append(MODES.grad_enabled)\n        MODES.grad_enabled = self.mode and not MODES.inference\n\n    def __exit__(self, error: object, *_: object) -> None:\n        MODES.grad_enabled = self.previous.pop() if error is None else MODES.grad_enabled\n", "tests/test_differentiate.py"),
    Mutant("vmap's outputs stand in the first dimension", "minigrad/func/vmap.py", "stacked = stack(results, out_dims)", "stacked = stack(results, 0)", FUNC),
    Mutant("a checkpoint file is written in place", "minigrad/files.py", "            os.replace(temporary, path)\n", "            path.write_bytes(content)\n", FILES),
    Mutant("an overwritten file changes its permissions", "minigrad/files.py", "                if path.exists():\n", "                if False:\n", FILES),
    Mutant("unpacked files of MNIST are not checked", "minigrad/datasets/mnist.py", "        self._check_arrays(images, labels)\n", "", "tests/test_mnist.py"),
    Mutant("the checksum of a file is not looked at", "minigrad/serialization.py", "    if _CHECKSUM in metadata and", "    if False and", FILES),
    Mutant("a device is replaced by a file", "minigrad/files.py", "if kind is None or stat.S_ISREG(kind):", "if True:", FILES),
    Mutant("a file that is being written is taken for abandoned", "minigrad/files.py", "            fcntl.flock(file, at_once)\n", "            pass\n", FILES),
    Mutant("an ended sequence takes the last step's state", "nn/recurrent_steps.py", "return first + np.arange(n)", "return total + np.arange(n)", "tests/test_recurrent.py"),
    Mutant("backwards every sequence begins where the longest ends", "nn/recurrent_steps.py", "mirrored = lengths[:size] - 1 - t", "mirrored = len(sizes) - 1 - t", "tests/test_recurrent.py"),
    Mutant("gates left for another result are taken", "minigrad/ops/kept.py", 'if kept["owner"] is not owner:', "if False:", "tests/test_recurrent.py"),
    Mutant("a cell forgets nothing on the way back", "minigrad/ops/lstm.py", "np.multiply(dc, f, out=spare)", "np.copyto(spare, dc)", "tests/test_recurrent.py"),
    Mutant("every step gets the inputs of the first of those projected with it", "minigrad/ops/recurrence.py", "product[:, rows.start - start : rows.stop - start]", "product[:, : rows.stop - rows.start]", "tests/test_recurrent.py"),
    Mutant("recorded, a cell forgets nothing on the way back", "minigrad/ops/lstm.py", "dc = dc * f", "dc = dc * 1", "tests/test_recurrent.py"),
    Mutant("the last place is left out of an average", "nn/pooling.py", "at < -(-(i + 1) * size // out)", "at < (i + 1) * size // out", "tests/test_rearranging.py"),
    Mutant("what is padded behind a transposed convolution is lost", "nn/conv_transpose.py", "(p, max(p - e, 0))", "(p, p)", "tests/test_conv_transpose.py"),
    Mutant("windows of steps in memory are taken for neighbours", "minigrad/ops/columns.py", "return as_strided(x, shape, strides)", "return as_strided(np.ascontiguousarray(x), shape, strides)", "tests/test_window.py"),
    Mutant("the blank between equal labels is skipped", "nn/losses/ctc.py", "skips[:, 2:] &= places[:, 2:] != places[:, :-2]", "pass", "tests/test_ctc.py"),
    Mutant("padding gets a gradient", "minigrad/ops/embedding.py", "if padding_idx is not None:", "if False:", "tests/test_embedding.py"),
    Mutant("a query sees the next key", "nn/attention.py", "np.triu(hidden, 1)", "np.triu(hidden, 2)", "tests/test_attention.py"),
    Mutant("who sees nothing gets NaN", "minigrad/ops/attention.py", "x /= np.maximum(sums, float(ends.tiny))", "x /= sums", "tests/test_attention.py"),
    Mutant("groups are taken across samples", "nn/normalization.py", "x_hat = standardize(grouped, (2,), eps)", "x_hat = standardize(grouped, (0, 2), eps)", "tests/test_normalization.py"),
    Mutant("two keys share one name in the file", "minigrad/serialization.py", "name in tensors or name == \"__metadata__\"", "name == \"__metadata__\"", FILES),
    Mutant("bfloat16 is read as float16", "minigrad/archive.py", "(array.astype(np.uint32) << 16).view(np.float32)", "array.view(np.float16).astype(np.float32)", FILES),
    Mutant("a pickle is read without being asked for", "minigrad/serialization.py", "(None if weights_only else pickle)", "pickle", "tests/test_model_files.py"),
    Mutant("an index of shards reads any file of the machine", "minigrad/archive.py", "or os.path.basename(shard) != shard", "", "tests/test_model_files.py"),
    Mutant("long lines of numbers are not broken", "minigrad/tensor/printing.py", "per_line = max(1, (_options[\"linewidth\"] - indent) // (width + 2))", "per_line = len(parts)", "tests/test_printing.py"),
    Mutant("large and small numbers print alike", "minigrad/tensor/printing.py", "large / small > 1000 or", "", "tests/test_printing.py"),
    Mutant("a waiting normal is forgotten", RANDOM, "self._waiting = float(values[n]) if len(values) > n else None", "self._waiting = None", "tests/test_random.py"),
    Mutant("a permutation draws from all places", RANDOM, "% (n - start)", "% n", "tests/test_random.py"),
    Mutant("dropout does not scale", "nn/dropout.py", "    mask /= 1 - p\n", "", "tests/test_layers.py tests/test_functional.py"),
    Mutant("Adam forgets that it started at zero", "minigrad/optim/adam.py", "c * lr / (1 - beta1**t)", "c * lr", "tests/test_optim.py"),
    Mutant("momentum's first step is dampened", "minigrad/optim/sgd.py", "entire = not group[\"dampening\"] or state.get(\"momentum_buffer\") is None", "entire = not group[\"dampening\"]", "tests/test_optim.py"),
    Mutant("a number of the state is loaded as an array", "minigrad/optim/optimizer.py", "if name in self.scalars:", "if name == \"step\":", "tests/test_optim.py"),
    Mutant("Adagrad decays its rate a step too early", "minigrad/optim/adagrad.py", "(1 + (t - 1) * group", "(1 + t * group", "tests/test_optim.py"),
    Mutant("Adadelta measures its steps with the gradient", "minigrad/optim/adadelta.py", "move_mean_square(u, d, decay, rate, buffer)", "move_mean_square(u, g, decay, rate, buffer)", "tests/test_optim.py"),
    Mutant("NAdam uses this step's momentum twice", "minigrad/optim/nadam.py", "_momentum(beta1, t + 1,", "_momentum(beta1, t,", "tests/test_optim.py"),
    Mutant("RAdam rectifies from the first step on", "minigrad/optim/radam.py", "if not rho > 5:", "if not rho > 4:", "tests/test_optim.py"),
    Mutant("Rprop steps where the sign has changed", "minigrad/optim/rprop.py", "        np.copyto(previous, 0, where=turned)\n", "", "tests/test_optim.py"),
    Mutant("ASGD never begins to average", "minigrad/optim/asgd.py", "t - group[\"t0\"]", "1", "tests/test_optim.py"),
    Mutant("Adafactor decays coupled with the gradient", "minigrad/optim/adafactor.py", "    decoupled = True\n", "    decoupled = False\n", "tests/test_optim.py"),
    Mutant("Adafactor takes its steps whole", "minigrad/optim/adafactor.py", "np.fmax(1.0, _rms(buffer) / d)", "np.fmax(1.0, 0.0)", "tests/test_optim.py"),
    Mutant("Muon orthogonalizes in float64", "minigrad/optim/muon.py", "(bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)", "bits", "tests/test_optim.py"),
    Mutant("SparseAdam moves rows without a gradient", "minigrad/optim/sparse_adam.py", "np.flatnonzero(per_row.any(axis=1))", "np.arange(len(per_row))", "tests/test_optim.py"),
    Mutant("L-BFGS forgets the newest step, not the oldest", "minigrad/optim/lbfgs.py", "del pairs[0], steps[0], inverses[0]", "del pairs[-1], steps[-1], inverses[-1]", "tests/test_optim.py"),
    Mutant("the line search lets the slope be steep", "minigrad/optim/line_search.py", "_DECREASE, _CURVATURE = 1e-4, 0.9", "_DECREASE, _CURVATURE = 1e-4, 0.99", "tests/test_optim.py"),
    Mutant("the line search stays at one end", "minigrad/optim/line_search.py", "        return t, True\n", "        return t, False\n", "tests/test_optim.py"),
    Mutant("the part after a milestone goes on from step 1", "minigrad/optim/composed.py", "scheduler._update_lr(0)", "scheduler.step()", "tests/test_lr_scheduler.py"),
    Mutant("a part of a sequence begins a step too late", "minigrad/optim/composed.py", "            scheduler.last_epoch -= 1\n", "            pass\n", "tests/test_lr_scheduler.py"),
    Mutant("a plateau counts while it cools down", "minigrad/optim/plateau.py", "            self.cooldown_counter -= 1\n            self.num_bad_epochs = 0\n", "            self.cooldown_counter -= 1\n", "tests/test_lr_scheduler.py"),
    Mutant("a cycle moves momentum with the rate", "minigrad/optim/cyclic.py", "high - (high - low) * share * scale", "low + (high - low) * share * scale", "tests/test_lr_scheduler.py"),
    Mutant("a restart keeps its length", "minigrad/optim/restarts.py", "                self.T_i *= self.T_mult\n", "", "tests/test_lr_scheduler.py"),
    Mutant("the first of the averaged models does not count", "minigrad/optim/swa_utils.py", "/ (num_averaged + 1)", "/ num_averaged", "tests/test_swa_utils.py"),
    Mutant("update_bn leaves the momentum off", "minigrad/optim/swa_utils.py", "            layer.momentum = momentum\n", "            pass\n", "tests/test_swa_utils.py"),
    Mutant("a schedule that refuses has moved on", "minigrad/optim/schedule.py", "            self._step_count, self.last_epoch = before\n", "", "tests/test_lr_scheduler.py"),
    Mutant("a group added later begins again", "minigrad/optim/schedule.py", "[self.rate(group[\"lr\"], base) for", "[self.rate(group[\"lr\"] if base else 1.0, base) for", "tests/test_lr_scheduler.py"),
    Mutant("NumPy writes into a tensor unseen", INTEROP, "        array.flags.writeable = False\n", "", PROTOCOLS),
    Mutant("NumPy answers where a gradient is asked for", INTEROP, "    if _asks((args, kwargs)):\n", "    if False:\n", PROTOCOLS),
    Mutant("a copied view looks at the start of the memory", INTEROP, "flat, start, array.strides)", "flat, 0, array.strides)", "tests/test_lifetimes.py"),
    Mutant("a cast that is refused has changed the first parameters", "nn/conversion.py", "    converted = [convert(x.detach()) for x in tensors]", "    converted = [setattr(x, 'data', convert(x.detach())) or x.detach() for x in tensors]", "tests/test_module.py"),
    Mutant("a hook always called is not when forward raises", "nn/hooks.py", "for key, hook in after.items() if hook.always}", "for key, hook in after.items() if False}", "tests/test_module.py"),
    Mutant("a resumed epoch starts again", "minigrad/utils/data/dataloader.py", 'saved if saved["yielded"] else None', "None", "tests/test_data.py"),
    Mutant("what workers made ahead is lost in a resumed epoch", "minigrad/utils/data/passes.py", "[*self.waiting.values(), *rest]", "rest", "tests/test_workers.py"),
    Mutant("all workers draw the same numbers", "minigrad/utils/data/worker.py", "duties.base_seed + duties.worker_id", "duties.base_seed", "tests/test_workers.py"),
    Mutant("the first worker makes all batches", "minigrad/utils/data/passes.py", "next(turn for turn in self._turns if turn in self._at_work)", "min(self._at_work)", "tests/test_workers.py"),
    Mutant("processes draw too many indices", "minigrad/utils/data/distributed.py", "self.rank : self.total_size : self.num_replicas", "self.rank :: self.num_replicas", "tests/test_samplers.py"),
    Mutant("a subclass's own samples are passed over", "minigrad/utils/data/dataset.py", "            return None  # a subclass that has its own samples\n", "            pass\n", "tests/test_samplers.py"),
    Mutant("tokens are written into the file as constants", "minigrad/onnx/sizes.py", "        if copies:", "        if False:", "tests/test_onnx.py"),
    Mutant("a batch of one size is written into the file", "minigrad/onnx/sizes.py", "result.names, result.factor, result.rest = tuple(labels), factor, rest", "result = values[0]", "tests/test_onnx.py"),
    Mutant("a state that does not fit stays half loaded", "nn/state.py", "            for state in before:\n                state.restore()\n", "            pass\n", "tests/test_module.py"),
    Mutant("a lazy layer that refuses its input has its shape", "nn/lazy.py", "            before.restore()\n", "            pass\n", "tests/test_lazy.py"),
    Mutant("an old handle removes a later hook", "minigrad/engine/graph.py", "self.key = next(_KEYS)", "self.key = max(hooks, default=0) + 1", "tests/test_module.py"),
    Mutant("a place reflected an odd number of times runs on", "nn/grid.py", "np.where(is_even, 1, -1)", "np.where(is_even, 1, 1)", "tests/test_grid.py"),
    Mutant("a place at the border has a gradient", "nn/grid.py", "is_inside = (values > 0) & (values < size - 1)", "is_inside = (values >= 0) & (values <= size - 1)", "tests/test_grid.py"),
    Mutant("a quotient's overwritten result is refused", "minigrad/ops/elementwise.py", "    lambda g, out, x, y: -g * out / y,\n    name=\"div\",\n    promotes=0,\n    floats=True,\n    recomputes=True,\n", "    lambda g, out, x, y: -g * out / y,\n    name=\"div\",\n    promotes=0,\n    floats=True,\n", "tests/test_inplace.py"),
    Mutant("the last window of adaptive pooling is cut", "nn/adaptive_max_pooling.py", "last = (edges[1:] - 1) // out", "last = edges[1:] // out - 1", "tests/test_adaptive_max_pooling.py"),
    Mutant("a cached weight outlives its block", "nn/utils/parametrize.py", "            _CACHE.clear()\n", "            pass\n", "tests/test_parametrize.py"),
    Mutant("pruning again brings back what was pruned", "nn/utils/prune_methods.py", "default_mask = getattr(module, f\"{name}_mask\").detach().clone()", "default_mask = ones_like(original).detach()", "tests/test_parametrize.py"),
    Mutant("power iterations go on in evaluation", "nn/utils/parametrizations.py", "        if self.training:\n", "        if True:\n", "tests/test_parametrize.py"),
    Mutant("a step within a step calls the hooks again", "minigrad/optim/hooks.py", "if optimizer._is_stepping:", "if False:", "tests/test_optim.py"),
    Mutant("cross-entropy without the right class", "minigrad/ops/loss.py", "    out[arange_column(len(x), 0), classes] -= 1\n", "", "tests/test_functional.py tests/test_primitives.py"),
    Mutant("a class below zero is let in", "nn/losses/cross_entropy.py", 'classes.view(f"u{classes.itemsize}").max', "classes.max", "tests/test_functional.py"),
    Mutant("label smoothing takes nothing from the target", "nn/losses/cross_entropy.py", "return (1 - label_smoothing) * loss +", "return loss +", "tests/test_functional.py tests/test_layers.py"),
)  # fmt: skip
TOTAL, KINKS, FUNCTIONAL = "tests/test_total.py", "tests/test_kinks.py", "tests/test_functional.py"
NUMBERS = (
    Mutant("float16 is added up in float16", "minigrad/ops/summation.py", "        return lambda x: sum_axes(x.astype(np.float32), axis, keepdims).astype(np.float16)\n", "        return functools.partial(np.add.reduce, axis=axis, keepdims=keepdims)\n", TOTAL),
    Mutant("a mean of float16 rounds its sum", "minigrad/ops/reduction.py", "    if x.dtype.char == \"e\":  # the sum may lie beyond float16\n", "    if False:\n", TOTAL),
    Mutant("ties of float16 are counted in it", "minigrad/ops/reduction.py", "wide = np.result_type(g.dtype, np.float32)", "wide = g.dtype", TOTAL),
    Mutant("a long middle axis is one running sum", "minigrad/ops/summation.py", "            x = _middle(x.reshape(before, along, behind))", "            x = np.add.reduce(x.reshape(before, along, behind), axis=1)", TOTAL),
    Mutant("running sums are kept in their own dtype", "minigrad/ops/summation.py", "\"f\": np.float64}", "\"f\": np.float32}", TOTAL),
    Mutant("a variance rounds beside its offset", "minigrad/ops/reduction.py", "    d = x - expand_channels(first, x)\n", "    d = x\n", TOTAL),
    Mutant("what is ignored is multiplied by 0", "nn/losses/cross_entropy.py", "losses = where(Tensor._wrap(counts), losses, 0.0)", "losses = losses * Tensor._wrap(counts.astype(losses.dtype))", FUNCTIONAL),
    Mutant("a certain answer's gradient cancels", "minigrad/ops/loss.py", "(1 - t) * sigmoid(x) - t * weight * sigmoid(-x)", "1 - t - (1 - t + t * weight) * sigmoid(-x)", FUNCTIONAL),
    Mutant("padding wins a window of -inf", "minigrad/ops/window.py", " padded(x, padding, math.nan), x", " padded(x, padding, -math.inf), x", KINKS),
    Mutant("a window's NaN gets no gradient", "minigrad/ops/window.py", "    if type(bad) is not np.ndarray or bad.any():\n", "    if False:\n", KINKS),
    Mutant("overwritten values get gradients", "minigrad/ops/indexing.py", "    if not _may_repeat(index):\n", "    if True:\n", "tests/test_indexing.py"),
    Mutant("the exchanges of LU are forgotten by its gradient", "minigrad/functions/linalg/lu.py", "return ops.lu(_rows(A, ops.order_of_rows(pivots, n))), pivots, info", "return ops.lu(A), pivots, info", MATRICES),
    Mutant("what is right of the square is no part of LU's gradient", "minigrad/ops/lu.py", "of_lower = of_lower - np.matmul(right, mT(upper[..., k:]))", "of_lower = of_lower - 0 * np.matmul(right, mT(upper[..., k:]))", MATRICES),
    Mutant("lgamma is not reflected below a half", "minigrad/ops/gamma.py", "far = np.where(reflects, log_of_both - far, far)", "far = np.where(reflects, log_of_both + far, far)", CALLS),
    Mutant("nanquantile counts NaN", "minigrad/functions/statistics.py", "lasts, is_nan, place_of_nan = counts - 1, counts == 0, 0.0", "lasts, is_nan, place_of_nan = np.full_like(counts, last), counts == 0, 0.0", CALLS),
    Mutant("a histogram's last edge is left out", "minigrad/functions/histograms.py", "inside &= column <= edge[-1]", "inside &= column < edge[-1]", CALLS),
)  # fmt: skip
PRINTED, LOOPS = "tests/test_compile_printed_loops.py", "tests/test_compile_loops.py"
COMPILED = "tests/test_compile_nets.py tests/test_compile_guards.py tests/test_compile_primitives.py"
COMPILER = (
    Mutant("the tape: a written memory keeps its version", "minigrad/compiler/planning/plan.py", "version[place.memory] += 1", "version[place.memory] += 0", COMPILED),
    Mutant("a live buffer is reused", "minigrad/compiler/planning/buffers.py", "dies = self._last[memory] == i and memory in self._block", "dies = memory in self._block", COMPILED),
    Mutant("memories in use at once lie in one place", "minigrad/compiler/planning/buffers.py", "block.first > other.last:", "block.first >= other.last:", "tests/test_compile.py"),
    Mutant("the memory of a parameter is not guarded", "minigrad/compiler/guards/guards.py", "if tensor._data is not array:", "if False:", COMPILED),
    Mutant("an optimizer's numbers are frozen", "minigrad/compiler/replay.py", "if values != request.values:", "if False:", COMPILED),
    Mutant("a window on recorded memory is a memory of its own", "minigrad/compiler/recording/arrays.py", 'getattr(base, "obj" if type(base) is memoryview else "base", None)', "None", "tests/test_compile_random.py"),
    Mutant("a memory that takes over another's place keeps it too short", "minigrad/compiler/planning/buffers.py", "block.last = self._last[memory]", "block.last = i", "tests/test_compile.py"),
    Mutant("a function's defaults are frozen", "minigrad/compiler/guards/quick.py", 'PARTS = "__code__", "__defaults__", "__kwdefaults__"', 'PARTS = "__code__", "__code__", "__code__"', "tests/test_compile_guards.py"),
    Mutant("an argument that stands twice is two", "minigrad/compiler/calls.py", "return tuple(map(arrays.index, arrays))", "return ()", "tests/test_compile_guards.py"),
    Mutant("a gradient that the next call adds to is forgotten", "minigrad/compiler/recording/recording.py", "used_up = place.memory in written and not leaf.reads", "used_up = place.memory in written", "tests/test_compile_guards.py"),
    Mutant("names are not guarded", "minigrad/compiler/guards/held.py", "or not all(map(same, keys, self.keys))", "", "tests/test_compile_guards.py"),
    Mutant("an option that the step itself reads is frozen", "minigrad/compiler/recording/options.py", "self.read.add(key)", "pass", "tests/test_compile_guards.py"),
    Mutant("an attribute of an optimizer of one's own is frozen", "minigrad/compiler/guards/reach.py", "if key not in OPTIMIZERS_OWN:", "if False:", "tests/test_compile_guards.py"),
    Mutant("what a dictionary has beside its entries is frozen", "minigrad/compiler/guards/reach.py", "if is_users and isinstance(x, WITH_CONTENT):", "if False:", "tests/test_compile_guards.py"),
    Mutant("gradients go to the arguments of the first call", "minigrad/compiler/recording/leaves.py", "return self.node if self.argument is None else self.argument", "return self.node", "tests/test_compile_guards.py"),
    Mutant("classes of arguments are not looked at", "minigrad/compiler/guards/reach.py", "self.visit_class(type(container), name)", "pass", "tests/test_compile_guards.py"),
    Mutant("a large array is compared in part", "minigrad/compiler/guards/quick.py", "whole = np.ascontiguousarray(array)", "whole = np.ascontiguousarray(array[::7])", "tests/test_compile_guards.py"),
    Mutant("two constants that differ are the same", "minigrad/compiler/recording/comparison.py", "if x.kind == CONSTANT:", "if False:", COMPILED),
    Mutant("an update stands before the last call that reads its parameter", "minigrad/compiler/planning/updates.py", "behind = max(touched - own, default=-1)", "behind = -1", "tests/test_compile_memory.py"),
    Mutant("a workspace lies in what lives", "minigrad/compiler/planning/buffers.py", "Block(call.workspace, i, i)", "Block(64, i, i)", "tests/test_compile_memory.py"),
    Mutant("statistics move before the last guard", "minigrad/compiler/planning/plan.py", "if not (lasting or too_early):", "if not too_early:", COMPILED),
    Mutant("a loop's sum is read in its own nest", "minigrad/compiler/loops/loop_text.py", "ready[target] = level + bool(s.summed)", "ready[target] = level", "tests/test_compile_loops.py"),
    Mutant("a loop keeps a number to itself that others read", "minigrad/compiler/loops/fusion.py", "last.get(m, i) > i", "last.get(m, i) > i + 9", "tests/test_compile_loops.py"),
    Mutant("a loop writes a parameter before all that read it did", "minigrad/compiler/loops/fusion.py", "self.read[place.memory] = NOWHERE", "pass", PRINTED),
    Mutant("a sum of sums reads what was overwritten since", "minigrad/compiler/loops/forms.py", "inner.pop(total, None)", "pass", PRINTED),
    Mutant("a column of ones adds up", "minigrad/compiler/loops/statements.py", "is_row = n != 1 and x.shape[-1:] == (n,)", "is_row = max(x.shape, default=0) == n > 1", PRINTED),
    Mutant("a call beside two others with workspaces gets lost", "minigrad/compiler/planning/plan.py", "for i in range(len(calls) - 1):\n        a, b = calls[i : i + 2]", "for i, (a, b) in enumerate(__import__('itertools').pairwise(calls)):", "tests/test_compile.py"),
    Mutant("damaged files of loops stay", "minigrad/compiler/loops/loop_files.py", "damaged.unlink()", "pass", "tests/test_compile_loops.py"),
    Mutant("an exported file returns state as results", "minigrad/compiler/export.py", "if isinstance(x, Tensor):", "if False:", "tests/test_compile.py"),
    Mutant("a loop adds up across the axis that it shares", "minigrad/compiler/loops/fusion.py", "if new.summed and self.summed not in ((), new.summed):", "if False:", PRINTED),
    Mutant("a loop's maximum of rows takes NaN for a number", "minigrad/compiler/loops/numba_functions.py", "return _ordered32(x) if x == x else np.int32(0x7FC00000)", "return _ordered32(x)", LOOPS),
    Mutant("a loop's maximum begins with 0", "minigrad/compiler/loops/statements.py", "np.maximum.reduce: (-math.inf,", "np.maximum.reduce: (0.0,", LOOPS),
    Mutant("a loop's sum of maxima is a maximum", "minigrad/compiler/loops/forms.py", "if first.fold != second.fold:", "if False:", LOOPS),
    Mutant("a loop's erfc loses what x² is rounded by", "minigrad/compiler/loops/numba_special.py", "r = r - n * F(-2.12194440e-4) - rest", "r = r - n * F(-2.12194440e-4)", LOOPS),
    Mutant("a loop picks by an index that nobody checks", "minigrad/compiler/loops/classes.py", "count = self.count.get(classes.memory, math.inf)", "count = 0", PRINTED),
    Mutant("a loop's log1p loses what the sum is rounded by", "minigrad/compiler/loops/numba_special.py", "rest = lost / y\n    result = near + rest\n    is_zero = x == F(0.0)", "rest = lost / y\n    result = near\n    is_zero = x == F(0.0)", LOOPS),
    Mutant("a loop reads after another statement wrote", "minigrad/compiler/loops/loop_text.py", "level = max(level, last_read.get(target, 0))", "level = max(level, 0)", PRINTED),
    Mutant("parts of a product leave rows out", "minigrad/compiler/loops/products.py", "range(0, len(a), rows)", "range(0, len(a) - rows, rows)", "tests/test_compile_loops.py"),
    Mutant("the globals of functions within functions are not guarded", "minigrad/compiler/guards/looked_up.py", "names.update(globals_of(constant))", "names.update(())", "tests/test_compile_guards.py"),
    Mutant("a global that is there later is not noticed", "minigrad/compiler/guards/reach.py", "self.names.append((key, globals_, key))  # one", "key in globals_ and self.names.append((key, globals_, key))  # one", "tests/test_compile_guards.py"),
    Mutant("an object may be of another class later", "minigrad/compiler/guards/reach.py", 'self.cells.append((f"the class of {name}", Slot(x, "__class__")))', "pass", "tests/test_compile_guards.py"),
    Mutant("a class may have another attribute later", "minigrad/compiler/guards/quick.py", 'self._hold(f"len(vars({self._name(kind)})) == {n}")', "pass", "tests/test_compile_guards.py"),
    Mutant("namespaces are not looked into", "minigrad/compiler/guards/libraries.py", "OPAQUE = LIBRARIES - NAMESPACES", 'OPAQUE = LIBRARIES - {"minigrad"}', "tests/test_compile_guards.py"),
    Mutant("others are tried in all arrays at once only", "minigrad/compiler/trial.py", "return False not in map(is_same_with_others_in, groups)", "return True", "tests/test_compile.py"),
    Mutant("what a step adds to its state is compared with all of it", "minigrad/compiler/trial.py", "starts = [NOTHING] * n + before.arrays_then()", "starts = [NOTHING] * len(theirs)", "tests/test_compile_loops.py"),
    Mutant("nobody asks what rounding does to a step", "minigrad/compiler/trial.py", "return all(map(close, ours, theirs, starts, spreads))", "return False", "tests/test_compile_loops.py"),
    Mutant("what a step sets of an object may change", "minigrad/compiler/recording/attributes.py", 'ACCESS = "__getattribute__", "__setattr__", "__delattr__"', 'ACCESS = ("__getattribute__",)', "tests/test_compile_attributes.py"),
    Mutant("a dictionary of attributes is one attribute", "minigrad/compiler/recording/attributes.py", 'if WITH_ALL.isdisjoint(names)}', '}', "tests/test_compile_attributes.py"),
    Mutant("attributes are read without asking", "minigrad/compiler/recording/attributes.py", "if not PAST_ACCESS.isdisjoint(names):", "if False:", "tests/test_compile_attributes.py"),
    Mutant("what a module looks up of itself is all that it holds", "minigrad/compiler/recording/attributes.py", 'if key == "__dict__" and id(x) in modules:', "if False:", "tests/test_compile_attributes.py"),
    Mutant("an attribute that was not there is not held", "minigrad/compiler/guards/reach.py", "keys = sorted(used | internal)", "keys = sorted((used | internal) & own.keys())", "tests/test_compile_attributes.py"),
    Mutant("what a module itself holds may change", "minigrad/compiler/guards/reach.py", "keys = sorted(used | internal)", "keys = sorted(used)", "tests/test_compile_attributes.py"),
    Mutant("an object may take another dictionary of attributes", "minigrad/compiler/guards/reach.py", 'self.cells.append((f"the attributes of {name}", Slot(x, "__dict__")))', "pass", "tests/test_compile_attributes.py"),
    Mutant("NumPy's constructors are not noted", "minigrad/compiler/recording/constructors.py", "        if MODES.tape is None:", "        if True:", "tests/test_compile.py"),
    Mutant("an interrupted check leaves the half of a step", "minigrad/compiler/snapshot.py", "        if kind is not None:", "        if False:", "tests/test_compile_guards.py"),
    Mutant("state that lies in one buffer is two", "minigrad/compiler/recording/recording.py", "if begin < end:", "if False:", "tests/test_compile_guards.py"),
    Mutant("an argument of the state's buffer is another", "minigrad/compiler/replay.py", "if shared or any(map(self._is_state, owners)):", "if shared:", "tests/test_compile_guards.py"),
    Mutant("threads share their scratch memory", "minigrad/compiler/loops/image_loops.py", "own = part * scratch * 4", "own = 0 * scratch * 4", "tests/test_compile_threads.py"),
    Mutant("a thread begins where another does", "minigrad/compiler/loops/image_loops.py", "distances.append(begin * sample)", "distances.append(0 * sample)", "tests/test_compile_threads.py"),
    Mutant("threads add to the same weights", "minigrad/compiler/loops/convolutions.py", "weights = part * math.prod", "weights = 0 * math.prod", "tests/test_compile_threads.py"),
    Mutant("a thread is left behind", "minigrad/compiler/loops/threads.py", "            part.exception()", "            pass", "tests/test_compile_threads.py"),
    Mutant("a loop writes over what its next nest reads", "minigrad/compiler/loops/taken_over.py", "free = position[later] >= end and later not in taken", "free = later not in taken", PRINTED),
    Mutant("a row of windows is written behind the end of its memory", "minigrad/compiler/loops/pooling.py", "first = max(0, planes - last)", "first = planes", PRINTED),
    Mutant("a convolution counts what lies behind a row's end", "minigrad/compiler/loops/convolutions.py", 'held = f"{self.lanes}, {used}"', 'held = f"{self.lanes}, {self.lanes}"', PRINTED),
    Mutant("a convolution's cotangent has the kernel as it is", "minigrad/compiler/loops/convolutions.py", "self.steps = [channel, output, -row, -tap]", "self.steps = [channel, output, row, tap]", PRINTED),
    Mutant("a loop computes again from what was overwritten", "minigrad/compiler/loops/recomputed.py", "if not sources.isdisjoint(self.rewritten):", "if False:", PRINTED),
    Mutant("the tape: what was read before a write is what was written", "minigrad/compiler/recording/tape.py", "constant.array = lying_alike(owner)", "constant.array = owner", COMPILED),
    Mutant("the tape: one element is a copy", "minigrad/ops/indexing.py", "if not out.ndim and is_basic(index):", "if False:", COMPILED),
    Mutant("an array that a step reads may change", "minigrad/compiler/guards/quick.py", 'self._hold(f"contents({self._name(array)}) == {self._name(numbers)}")', "pass", "tests/test_compile_guards.py"),
    Mutant("what follows from state is computed once", "minigrad/compiler/page/source.py", 'f"    if {now} != {then}[0]:"', 'f"    if not {then}[0]:"', "tests/test_compile_derived.py"),
    Mutant("what follows from state is compared in part", "minigrad/compiler/planning/derived.py", "return list(dict.fromkeys(memory for memory in read if memory.kind == STATE))", "return [memory for memory in read if memory.kind == STATE][:1]", "tests/test_compile_derived.py"),
    Mutant("what follows from state does not stay", "minigrad/compiler/planning/buffers.py", "self._last.update(dict.fromkeys(derived & read, len(calls)))", "pass", "tests/test_compile_derived.py"),
    Mutant("state that the step writes is taken for unwritten", "minigrad/compiler/planning/derived.py", "if memory in written:", "if False:", "tests/test_compile_derived.py"),
    Mutant("a tensor's memory is not looked at again", "minigrad/compiler/guards/quick.py", 'self._hold(f"{name}._data is {array_name}")', "pass", "tests/test_compile_guards.py"),
    Mutant("an entry that is another one is the same", "minigrad/compiler/guards/quick.py", 'self._hold(f"{name}[{key!r}] is {self._name(value)}")', "pass", "tests/test_compile_guards.py"),
    Mutant("a name is not looked at again", "minigrad/compiler/guards/quick.py", 'self._hold(f"{self._name(owner)}[{key!r}] is {self._name(value)}")', "pass", "tests/test_compile_guards.py"),
    Mutant("what never came again takes a program's place", "minigrad/compiler/variant.py", "if waiting and (self.gone < MOST_PROGRAMS or comes_again):", "if False:", "tests/test_compile_guards.py"),
    Mutant("another number at each call is written down forever", "minigrad/compiler/variant.py", "self.gone += 1", "pass", "tests/test_compile_guards.py"),
    Mutant("each small parameter takes the first one's update", "minigrad/compiler/planning/together.py", "begin = offset * x.dtype.itemsize", "begin = 0", "tests/test_compile_together.py"),
    Mutant("a small parameter is updated too late", "minigrad/compiler/planning/together.py", "forbidden = touched if at[0] < i < at[-1] else made", "forbidden = made", "tests/test_compile_together.py"),
    Mutant("what is computed together is not put back", "minigrad/compiler/planning/together.py", "changed |= slots", "pass", "tests/test_compile_together.py"),
    Mutant("a second step counts as the first", "minigrad/compiler/replay.py", "counter.item() + ahead for", "counter.item() for", "tests/test_compile_together.py"),
    Mutant("two arguments may lie in one memory", "minigrad/compiler/replay.py", "if self.owners or self.written_inputs:", "if False:", "tests/test_compile_guards.py"),
    Mutant("an optimizer asks for its numbers once", "minigrad/optim/optimizer.py", "self._asked = [None, None, None]  #", "self._asked = self._asked or [None, None, None]  #", "tests/test_optim.py tests/test_lr_scheduler.py"),
)  # fmt: skip
MUTANTS = (*MUTANTS, *AUTOGRAD, *VIZ, *VIZ_PAGES, *OPERATIONS, *SURROUNDINGS, *NUMBERS, *COMPILER)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Return what is not copied: caches, and minigrad/nn, an editable install's link to the nn above it."""
    return {name for name in names if name == "__pycache__" or Path(folder, name) == ROOT / "minigrad" / "nn"}


def copy_of_the_code(folder: Path) -> None:
    """Copy what the tests need."""
    for name in ("minigrad", "nn", "tests", "examples", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=_left_out)
    (folder / "docs").mkdir()
    for name in ("pyproject.toml", "README.md", "docs/autograd.md", "docs/onnx.md"):
        shutil.copy(ROOT / name, folder / name)


CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT)


def failing(folder: Path, tests: str, *options: str) -> list[str]:
    """Run tests in a copy and return the names of the functions that fail, most often failing first."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        "-rfE",
        *options,
        *tests.split(),
    ]
    own = {name: value for name, value in os.environ.items() if name != "MINIGRAD_LOUD"}
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=own)
    if -found.returncode in CRASHES:  # as where a loop writes beyond its memory
        return ["a crash"]
    if found.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run:\n{found.stdout[-2000:]}{found.stderr[-2000:]}")
    names = re.findall(r"^(?:FAILED|ERROR) \S+?::(\w+)", found.stdout, re.M)
    return sorted(dict.fromkeys(names), key=lambda name: -names.count(name))


def run(mutant: Mutant | None, tests: str, *options: str) -> list[str]:
    """Return the tests that fail with the fault in place; without one, with the code as it is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_the_code(folder)
        if mutant is not None:
            file = folder / mutant.file
            text = file.read_text(encoding="utf-8")
            places = mutant.places(text)
            if len(places) != 1:
                raise ValueError(f"{mutant.fault}: {mutant.old!r} is found {len(places)} times in {mutant.file}")
            start, end = places[0].span()
            file.write_text(text[:start] + mutant.new + text[end:], encoding="utf-8")
        return failing(folder, tests, *options)


def row(m: Mutant, names: list[str]) -> str:
    first = ", ".join(f"`{name}`" for name in names[:3])
    return f"| {m.fault} | `{m.file}` | {len(names)} | {first or '**none**'} |"


def rows_of_the_page() -> dict[str, str]:
    """Return what the page says of each fault that it lists."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    return {line[2:].split(" | ")[0]: line for line in lines if line.startswith("| ") and "`" in line}


def write_page(caught: dict[Mutant, list[str]]) -> None:
    """Write who caught whom; of faults that were not run now the page says what it said."""
    rows = rows_of_the_page() | {m.fault: row(m, names) for m, names in caught.items()}
    lines = [
        "# Faults the tests are proven to catch\n",
        "Made by `make mutants ARGS=--write`: each fault is put into a copy of the code, and the tests must fail.\n",
        "| fault | where | tests that fail | first of them |",
        "| --- | --- | ---: | --- |",
        *(rows[m.fault] for m in MUTANTS if m.fault in rows),
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="faults whose name or file holds one of these words"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--new", action="store_true", help="only faults that the page does not list")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (default: %(default)s)")
    args = parser.parse_args()
    chosen = [m for m in MUTANTS if not args.only or any(word in m.fault + m.file for word in args.only)]
    if not chosen:
        parser.error(f"no fault is called {' or '.join(args.only)}")
    if args.new:
        listed = rows_of_the_page()
        chosen = [m for m in chosen if m.fault not in listed]
        if not chosen:
            print("the page lists every fault")
            return 0
    suites = sorted({test for m in chosen for test in m.tests.split()})
    beside = ["-n", str(args.jobs)] if args.jobs > 1 and importlib.util.find_spec("xdist") else []
    if broken := run(None, " ".join(suites), *beside):
        print(f"these fail without any fault: {', '.join(broken)}", file=sys.stderr)
        return 2
    enough = () if args.write else ("-x",)  # the page counts all tests that fail
    with ThreadPoolExecutor(args.jobs) as pool:
        caught = {}
        for mutant, names in zip(chosen, pool.map(lambda m: run(m, m.tests, *enough), chosen), strict=True):
            caught[mutant] = names
            print(f"{'caught  ' if names else 'SURVIVED'} {mutant.fault}: {', '.join(names[:3])}", flush=True)
    survivors = [m.fault for m, names in caught.items() if not names]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} caught")
    if args.write:
        write_page(caught)
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
