"""One harness for layers: the same lines in minigrad and in PyTorch print, compute and learn the same."""

import numpy as np

import minigrad as mg


def flat(value):
    """Return the tensors of nested tuples, lists and dictionaries in order; whatever else stands there is left out."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, (tuple, list)) or (hasattr(value, "values") and not hasattr(value, "dtype")):
        return [x for part in value for x in flat(part)]
    return [value] if hasattr(value, "dtype") else []


def tensors(lib, value):
    """Return ``value`` with its arrays as tensors of the library."""
    if isinstance(value, (tuple, list)):
        return type(value)(tensors(lib, part) for part in value)
    return lib.tensor(value) if isinstance(value, np.ndarray) else value


def array(x):
    """Return a tensor as an array; what has no gradient is None, and a sparse gradient is made dense."""
    if x is None:
        return None
    x = x.detach()
    return (x.to_dense() if getattr(x, "is_sparse", False) else x).numpy().copy()


def ran(lib, make, inputs, options, training):
    """Return what a layer says, and by name what it computes, learns and remembers."""
    lib.manual_seed(0)
    layer = make(lib).train(training)
    given = tensors(lib, inputs)
    leaves = [x.requires_grad_() for x in flat(given) if x.is_floating_point()]
    outputs = flat(layer(*given, **{name: tensors(lib, x) for name, x in options.items()}))
    results = {f"output {i}": array(y) for i, y in enumerate(outputs)}
    learning = [y for y in outputs if y.requires_grad]
    if learning:
        sum((y * y * y).sum() + y.sum() for y in learning).backward()
    results |= {f"gradient of input {i}": array(x.grad) for i, x in enumerate(leaves)}
    results |= {f"gradient of {name}": array(p.grad) for name, p in layer.named_parameters()}
    results |= {f"state {name}": array(x) for name, x in layer.state_dict().items()}
    return repr(layer), results


def same_layer(torch, make, *inputs, rtol=2e-5, seeds=True, **options):
    """Check ``make(lib)(*inputs, **options)`` in training and evaluation: text, results, gradients, state.

    Without ``seeds`` random draws differ: then only evaluation is compared.
    """
    for training in (True, False) if seeds else (False,):
        (ours_text, ours), (text, theirs) = (ran(lib, make, inputs, options, training) for lib in (mg, torch))
        assert ours_text == text
        assert list(ours) == list(theirs)
        for name, expected in theirs.items():
            found = ours[name]
            assert (found is None) == (expected is None), name
            if expected is None:
                continue
            assert found.dtype == expected.dtype and found.shape == expected.shape, name
            scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
            np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * scale, err_msg=f"{name}, {training=}")


def same_error(torch, call, *, opening=0):
    """Check that ``call(lib)`` raises the same type in both libraries, and the same first ``opening`` letters."""
    errors = []
    for lib in (torch, mg):
        try:
            call(lib)
        except Exception as error:
            errors.append(error)
        else:
            raise AssertionError(f"{lib.__name__} raises nothing")
    theirs, ours = errors
    assert type(ours) is type(theirs), f"{ours!r} for {theirs!r}"
    assert str(ours)[:opening] == str(theirs)[:opening]
