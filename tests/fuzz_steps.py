"""The steps that random programs are made of, one a line: text that runs in both libraries (``L`` is one of them).

A name in braces is filled in by ``fuzz.Picker``. An expression's value gets a name of its own; a statement
stays as it is. The first number of a family is how often it is drawn.
"""

FAMILIES = {
    "elementwise": (6, """
        L.abs({f})
        L.neg({f})
        L.exp({f}.clamp(-3, 3))
        L.expm1({f}.tanh())
        L.exp2({f}.clamp(-2, 2))
        L.log({f}.abs() + 0.5)
        L.log1p({f}.abs())
        L.log2({f} * {same} + 1)
        L.log10({f}.abs() + 2)
        L.sqrt({f}.abs() + 0.25)
        L.rsqrt({f}.square() + 1)
        L.square({f})
        L.reciprocal({f}.abs() + 0.5)
        L.sin({f})
        L.cos({f})
        L.tan({f}.tanh())
        L.asin({f}.sin() * 0.9)
        L.acos({f}.tanh() * 0.9)
        L.atan({f})
        L.sinh({f}.tanh())
        L.cosh({f}.tanh())
        L.tanh({f})
        L.asinh({f})
        L.acosh({f}.abs() + 1.5)
        L.atanh({f}.tanh() * 0.9)
        L.sigmoid({f})
        L.logit({f}.sigmoid(), 0.01)
        L.erf({f})
        L.erfc({f})
        L.relu({f})
        L.softplus({f}) if hasattr(L, "softplus") else F.softplus({same})
        L.frac({f})
        L.floor({f})
        L.round({f})
        L.trunc({f})
        L.sign({f})
        L.nan_to_num({f})
        L.clamp({f}, {c}, 1.5)
        L.clamp({f}, min={c})
        {f}.clamp_max({c})
        -{f}
        +{f}
        abs({f})
        {f} ** 2
        {f} ** 3.0
        {f} ** 0
        ({f}.abs() + 0.5) ** {c}
        (2 ** {f}.clamp(-3, 3)).clone().contiguous()
        {f}.pow({k})
        {f} * {c}
        {c} - {f}
        {f} / 2
        {c} / ({f}.abs() + 1)
        L.where({f} > 0, {same}, {y})
        L.where({f} > 0, 1.0, {same})
        L.where({f} > {c}, 1.0, 0.0)
        L.where({b}, {y}, {c})
        F.leaky_relu({f}, 0.1)
        F.elu({f} + 0.01)
        F.selu({f} - 0.01)
        F.gelu({f})
        F.gelu({f}, approximate='tanh')
        F.silu({f})
        F.mish({f})
        F.softplus({f})
        F.logsigmoid({f}).clone().contiguous()
        F.hardtanh({f})
        F.relu6({f})
        F.softsign({f})
        """),
    "binary": (6, """
        {f} + {y}
        {f} - {y}
        {f} * {y}
        {f} / ({y} + 3.5)
        {f} @ {o}.mT
        {f} > {y}
        {f} == {y}
        {f} <= {y}
        L.add({f}, {y}, alpha=2)
        L.sub({f}, {o}, alpha=0.5)
        L.rsub({f}, {y})
        L.maximum({f}, {o})
        L.minimum({f}, {o})
        L.fmax({f}, {o})
        L.fmin({f}, {o})
        L.atan2({f}, {o}.abs() + 0.5)
        L.hypot({f}, {o})
        L.logaddexp({f}, {o})
        L.xlogy({f}, {o}.abs() + 0.5)
        L.pow({f}.abs() + 0.5, {o}.tanh())
        L.float_power({f}.abs() + 0.5, {c})
        L.lerp({f}, {o}, 0.3)
        L.lerp({f}, {o}, {o})
        L.addcmul({f}, {o}, {o}, value=0.5)
        L.addcdiv({f}, {o}, {o}.abs() + 1, value=2)
        L.remainder({f}, 1.5)
        L.fmod({f}, 1.5)
        L.floor_divide({f}.detach(), 1.5)
        L.div({f}, {y}.abs() + 1, rounding_mode='floor')
        {f} % 2
        {f}.detach() // 0.7
        {f} + {a}
        {f} * {a}
        {a} * {same}
        {a} + {c}
        {a} * {k}
        {i} + {i}
        {i} // 2
        {i} % 3
        {i} / 2
        {i} * {c}
        {b} & {b}
        {b} | {b}
        {b} ^ True
        ~{b}
        {b} * {f}
        {b} + {i}
        {b}.logical_not()
        L.isclose({f}, {o})
        L.logical_and({f} > 0, {b})
        """),
    "reduction": (5, """
        {f}.sum()
        {f}.sum({d})
        {f}.sum({ds}, {keep})
        {f}.mean()
        {f}.mean({ds}, {keep})
        {f}.prod()
        {f}.prod({d})
        {f}.var()
        {f}.var({d})
        {f}.var({ds}, correction=0, keepdim={keep})
        {f}.std({d}, correction=0)
        {new}, {new} = L.var_mean({f}, {d})
        {f}.max()
        {f}.min()
        {new}, {new} = {f}.max({d})
        {new}, {new} = {f}.min({d}, {keep})
        {f}.amax({ds})
        {f}.amin({d}, {keep})
        {new}, {new} = L.aminmax({f}, dim={d})
        {f}.argmax({d})
        {f}.argmin()
        {f}.logsumexp({ds})
        {new}, {new} = {f}.contiguous().median({d})
        {f}.median()
        {f}.nansum({d})
        {f}.nanmean()
        {f}.norm()
        {f}.norm({ord}, {d})
        {f}.norm(1)
        {f}.cumsum({d})
        {f}.cumprod({d})
        {new}, {new} = {f}.cummax({d})
        {new}, {new} = {f}.cummin({d})
        {f}.logcumsumexp({d})
        {f}.softmax({d})
        {f}.log_softmax({d})
        F.softmax({f}, {d})
        {new}, {new} = {f}.sort({d})
        {new}, {new} = {f}.sort({d}, descending=True)
        {new}, {new} = {f}.topk(1, {d})
        {new}, {new} = {f}.kthvalue(1, {d})
        {f}.argsort({d})
        {a}.sum()
        {a}.sum({d})
        {a}.sum({ds}, dtype=L.float64)
        {i}.prod()
        {i}.cumsum({d})
        {i}.max()
        {i}.float().mean()
        {b}.sum({d})
        {b}.any()
        {b}.all({d})
        {a}.count_nonzero()
        {f}.trace() if {same}.ndim == 2 else {same}
        {i}.unique()
        """),
    "view": (7, """
        {a}.view({view})
        {a}.reshape({view})
        {a}.reshape(-1)
        {a}.flatten()
        {a}.view(-1)
        {m}.T if {same}.ndim == 2 else {same}.mT
        {m}.mT
        {a}.transpose({d}, {d})
        {a}.permute({perm})
        {a}.squeeze()
        {a}.squeeze({d})
        {a}.unsqueeze({d})
        {a}.unsqueeze(-1)
        {a}.expand({expand})
        {a}.narrow({d}, 0, 1)
        {a}.select({d}, 0)
        {a}.movedim({d}, {d})
        {m}.diagonal()
        {a}.unfold({d}, 1, 1)
        {a}.unfold({d}, 2, 1)
        {a}.detach()
        {a}.data
        {a}[{basic}]
        {a}[{basic}]
        {a}[0]
        {a}[..., -1]
        {a}[None]
        {a}.unbind({d})[0]
        {a}.chunk(2, {d})[-1]
        {a}.split(1, {d})[0]
        {a}.view_as({o})
        {a}.swapaxes({d}, {d})
        {a}.ravel()
        {a}.unflatten({d}, (1, -1))
        L.broadcast_to({a}, {expand})
        {a}.tensor_split(2, {d})[0]
        L.atleast_2d({a})
        {a}.contiguous()
        """),
    "arranging": (4, """
        {a}.clone()
        L.clone({f})
        {a}.flip({d})
        {a}.roll(1, {d})
        {a}.repeat({reps})
        {a}.tile({reps})
        {a}.repeat_interleave(2, {d}) * 1
        L.cat([{a}, {same}], {d})
        L.cat([{f}, {o}, {same}], {d})
        L.stack([{f}, {o}], {d})
        L.hstack([{f}, {o}])
        L.vstack([{f}, {same}])
        L.tril({m})
        L.triu({m}, 1)
        L.diag_embed({f})
        L.diag({f}) if 0 < {same}.ndim < 3 else {same}
        F.pad({a}, (1, 2))
        F.pad({f}, (0, 1, 1, 0))
        F.pad({m}, (1, -1)).clone().contiguous()
        L.rot90({m}).clone().contiguous()
        L.meshgrid({f1}, {f1}, indexing='ij')[0]
        {a}.float()
        {a}.double()
        {a}.to({f}.dtype)
        {a}.long()
        {a}.bool()
        {a}.type_as({f})
        L.zeros_like({f})
        L.ones_like({f}, requires_grad=True)
        L.full_like({f}, {c})
        {f}.new_zeros(2, 3)
        L.eye({k}, dtype={dt})
        L.arange({k}, dtype={dt})
        L.linspace(0, 1, {k}, dtype={dt})
        L.tensor({c}, dtype={dt}, requires_grad=True)
        """),
    "indexing": (5, """
        {a}[{index}]
        {a}[{index}]
        {f}[{index}]
        {a}[{mask}]
        {f}[{same} > 0]
        L.take({f}, {flat})
        {a}.index_select({d}, {line})
        {f}.gather({d}, {ix})
        L.take_along_dim({f}, {ix}, {d0})
        {f}.masked_fill({mask}, {c})
        {f}.masked_select({mask})
        {f}.index_fill({d}, {lone_line}, {c})
        {f}.index_add({d}, {line}, {part})
        {f}.index_copy({d}, {lone_line}, {part})
        {f}.scatter({d}, {ix}, {c})
        {f}.scatter({d}, {lone_ix}, {part})
        {f}.scatter_add({d}, {ix}, {part})
        {f}.scatter_reduce({d}, {ix}, {part}, 'amax')
        ({f} > 0.5).nonzero()
        F.one_hot({i} % 3)
        L.searchsorted({f1}.sort()[0].detach(), {f})
        """),
    "write": (8, """
        {w}[{spot}] = {into}
        {w}[{basic}] = {into}
        {w}[{basic}] += {into}
        {w}[{spot}] *= {c}
        {w}[{mask}] = {c}
        {w}[{basic}].mul_({c})
        {w}[{basic}].copy_({into})
        {w}[{basic}].zero_()
        {w}.mul_({into})
        {w}.add_({into})
        {w}.add_({into}, alpha=2)
        {w}.sub_({into})
        {w}.div_(2)
        {w}.copy_({into})
        {w}.zero_()
        {w}.fill_({c})
        {w}.fill_({s})
        {w} += {into}
        {w} -= {into}
        {w} *= {into}
        {w} /= 2
        {w}.neg_()
        {w}.abs_()
        {w}.sin_()
        {w}.tanh_()
        {w}.sigmoid_()
        {w}.relu_()
        {w}.square_()
        {w}.exp_() if {same}.max() < 2 else {same}.cos_()
        {w}.clamp_({c}, 2)
        {w}.addcmul_({into}, {other})
        {w}.lerp_({other}, 0.5)
        {w}.masked_fill_({mask}, {c})
        {w}.index_add_({d}, {line}, {part})
        {w}.index_fill_({d}, {line}, {c})
        {w}.index_copy_({d}, {lone_line}, {part})
        {w}.scatter_({d}, {lone_ix}, {part})
        {w}.scatter_add_({d}, {ix}, {part})
        {w}.cumsum_({d}) if {same}.is_floating_point() else None
        {w}.T.mul_({c}) if {same}.ndim == 2 else None
        {w}.view(-1)[0] = {c}
        {w}.unsqueeze(0)[0] *= {c}
        {shaped}.t_() if {same}.ndim < 3 else None
        {shaped}.transpose_({d}, {d})
        {shaped}.squeeze_()
        {shaped}.unsqueeze_({d})
        {w}.data.mul_({c})
        {w}.data[{basic}] = {c}
        {w}.detach().add_({c})
        {w}.detach()[{basic}] = {c}
        {i}.zero_()
        {i}.add_(1)
        {i} += 1
        {b}.logical_not_()
        with L.no_grad(): {w}.mul_({c})
        with L.no_grad(): {w}[{basic}] = {into}
        with L.no_grad(): {w} += {into}
        with L.no_grad(): {w}.zero_()
        with L.no_grad(): {w}.copy_({into})
        with L.no_grad(): {w}[{index}].add_({c})
        with L.no_grad(): {new} = {f} * {c}
        with L.enable_grad(): {w}.mul_({c})
        """),
    "linear algebra": (3, """
        {m} @ {same}.mT
        {m}.mT @ {same}
        L.matmul({m}, {f1})
        {f1} @ {same}
        {f2}.mm({same}.T)
        {f3}.bmm({same}.mT)
        {f1}.outer({same})
        L.dot({f1}, {same})
        {f2}.mv({f1})
        L.addmm({f2} @ {same}.T, {same}, {same}.T, beta=0.5)
        L.einsum('ij,ij->i', {f2}, {o}) * 1
        L.einsum('ij,kj->ik', {f2}, {same}) * 1
        L.einsum('...i,...i', {f}, {o}) * 1
        L.tensordot({f2}, {o}, 2) * 1
        L.kron({f2}.contiguous() * 1, {f1} * 1)
        L.linalg.inv({square}).clone().contiguous()
        L.linalg.det({square})
        L.linalg.slogdet({square})[1]
        L.logdet({square})
        L.linalg.solve({square}, {same}).clone().contiguous()
        L.linalg.cholesky({square}).clone().contiguous()
        L.linalg.eigvalsh({square} + L.diag(L.arange({rows}))).clone().contiguous()
        L.linalg.svdvals({f2}.detach())
        L.linalg.pinv({square})
        L.linalg.matrix_power({square} / 8, {k})
        L.linalg.norm({f})
        L.linalg.vector_norm({f}, {ord}, {d})
        L.linalg.matrix_norm({m})
        L.linalg.qr({square})[1].abs().clone().contiguous()
        L.linalg.solve_triangular({square}, {same}, upper={keep}).clone().contiguous()
        L.cross({f}, {o}, dim={d})
        L.linalg.multi_dot([{f2}, {same}.T, {same}]) * 1
        """),
    "layer": (4, """
        1: L.nn.Linear({last}, 3, dtype={dt})
        1: L.nn.Linear({last}, 2, bias=False, dtype={dt})
        2: L.nn.BatchNorm1d({second}).to({dt})
        3: L.nn.BatchNorm1d({second}).to({dt})
        2: L.nn.BatchNorm1d({second}, affine=False, momentum=None).to({dt})
        4: L.nn.BatchNorm2d({second}).to({dt})
        4: L.nn.BatchNorm2d({second}, track_running_stats=False).to({dt})
        4: L.nn.Conv2d({second}, 2, 2, padding=1, dtype={dt})
        4: L.nn.Conv2d({second}, {second}, 1, bias=False, groups={second}, dtype={dt})
        3: L.nn.Conv1d({second}, 2, 1, stride=2, dtype={dt})
        4: L.nn.MaxPool2d(1, 2)
        4: L.nn.MaxPool2d(2, 1, padding=1)
        4: L.nn.AvgPool2d(2, 1, padding=1)
        4: L.nn.AdaptiveAvgPool2d(1)
        0: L.nn.Dropout(0.5)
        4: L.nn.Dropout2d(0.5)
        0: L.nn.Flatten()
        0: L.nn.Softmax(-1)
        0: L.nn.LeakyReLU(0.1)
        0: L.nn.ReLU(inplace=True)
        2: L.nn.Sequential(L.nn.Linear({last}, 3, dtype={dt}), L.nn.Tanh(), L.nn.Linear(3, {last}, dtype={dt}))
        """),
    "module": (2, """
        {layer}.eval()
        {layer}.train()
        {layer}.requires_grad_({keep})
        {layer}.zero_grad()
        {weighted}.weight.data.mul_({c})
        with L.no_grad(): {weighted}.weight.mul_({c})
        {new} = {weighted}.weight * 1
        {layer}.load_state_dict({same_layer}.state_dict())
        """),
    "loss": (3, """
        F.mse_loss({f}, {o})
        F.mse_loss({f}, {o}, reduction='sum')
        F.l1_loss({f}, {o}, reduction={how})
        F.smooth_l1_loss({f}, {o}, reduction={how})
        F.huber_loss({f}, {o}, reduction={how}, delta=0.7)
        F.cross_entropy({f2}, {target})
        F.cross_entropy({f2}, {target}, reduction={how}, label_smoothing=0.1)
        F.cross_entropy({f2}, {target}, ignore_index=0)
        F.cross_entropy({f2}, {o}.softmax(-1))
        F.nll_loss({f2}.log_softmax(1), {target}, reduction={how})
        F.binary_cross_entropy_with_logits({f}, {o}.sigmoid(), reduction={how})
        F.binary_cross_entropy({f}.sigmoid(), {o}.sigmoid(), reduction={how})
        """),
    "random": (3, """
        L.randn_like({f})
        L.rand_like({f})
        L.rand({shape}, dtype={dt})
        L.randn({shape}, dtype={dt}, requires_grad=True)
        L.randint(0, 5, {shape})
        L.randperm({k})
        L.bernoulli({f}.detach().sigmoid())
        L.normal({c}, 2.0, {shape})
        L.multinomial({f1}.detach().abs() + 0.1, 1)
        F.dropout({f}, 0.5)
        F.dropout({f}, 0.2, training={keep})
        F.dropout({f}, 0.5, inplace=True) if not {same}.requires_grad else {same}
        {f} * (L.rand_like({same}) > 0.5)
        {w}.normal_()
        {w}.detach().uniform_()
        {w}.data.bernoulli_(0.5)
        L.manual_seed({k})
        """),
    "autograd": (4, """
        {hooked}.register_hook(lambda g: g * 2)
        {hooked}.register_hook(lambda g: log.append(g.detach().clone()))
        {new} = {hooked}.register_hook(lambda g: g + 1); {same_new}.remove()
        {g}.retain_grad()
        {g}.sum().backward(retain_graph=True)
        {g}.sum().backward()
        ({g} * {same}).mean().backward(retain_graph=True)
        {with_grad}.grad = None
        with L.no_grad(): {with_grad} -= 0.1 * {same_leaf}.grad
        {new} = L.autograd.grad({g}.sum(), [{x}], retain_graph=True, materialize_grads=True)[0].clone().contiguous()
        {new} = L.autograd.grad(({g} * {same}).sum(), [{x}], create_graph=True, materialize_grads=True)[0].clone().contiguous()
        {new} = L.autograd.grad({g}.exp().sum(), [{x}], create_graph=True, materialize_grads=True)[0].clone().contiguous()
        {with_grad}.grad.zero_()
        {new} = {with_grad}.grad.clone().contiguous()
        {new} = {f}.detach().requires_grad_()
        """),
}  # fmt: skip


# What may tip over by the last digit: left out where variables are compared at the end only.
TIPS = r"floor|round|trunc|sign|frac|//|%|bool\(|long\(|==|logical|remainder|fmod|isclose|sort|topk|count_nonzero|> 0"


def table():
    """Return (how often, [lines]) of each family."""
    return {
        name: (share, [line.strip() for line in text.strip().splitlines()]) for name, (share, text) in FAMILIES.items()
    }


# What minigrad refuses on purpose: the step is left out in both.
REFUSED = {
    "a graph used twice": r"backward through the graph a second time",
    "a view that is detached": r"Can't detach views",
    "not there, and says so": r"^NotImplementedError",
    "a name that minigrad has not": r"^AttributeError: .*(minigrad|Tensor).* (has no|no attribute)",
    "what PyTorch does not keep": r"modified by an inplace operation: (the result of (div|div_sqrt|max_pool)|operand \d of (einsum|cross_entropy))",
    "memory that overlaps is read-only": r"more than one element of the written-to tensor|destination is read-only",
}

# Where PyTorch alone raises: the program is compared with one in which PyTorch keeps copies of what backward needs.
LENIENT = {
    "+= to a part of a view": r"\] [-+*/]= .*\n.*a leaf Variable that requires grad",
    "a fault of PyTorch's": r"INTERNAL ASSERT FAILED",
    "a graph used twice": r"backward through the graph a second time",
    "a view that is detached": r"Can't detach views",
    "a value that was overwritten": r"modified by an inplace operation|detached in-place",
    "a hook is called with None": r"'NoneType' and '|'NoneType' object has no attribute '(detach|square)",
    "a view of several": r"is a view and (is being|its base or another view)|view was created in no_grad mode",
    "memory that overlaps": r"refers? to a single memory location",
    "no kernel for the dtype": r"Autograd not support dtype|not implemented for|not supported for",
}

# Differences that are meant: a text that the kind of difference, the line and both results match, and the reason.
KNOWN = {
    "layers of turned memory": r"^layout\n.* = m\d+\(",
    "contractions of turned memory": r"^layout\n.*einsum\(",
    "indices of turned memory": r"^layout\n.* = \w+\[",
    "a dimension of what is empty": r"^error\n.*cum(max|min)\(.*minigrad IndexError: Dimension out",
    "channels-last, where lengths are one": r"^layout\n.*L\.(h|v)?(cat|stack)\(",
    "how much of a gradient is recorded": r"^(requires_grad|is_leaf)\n.*autograd\.grad\(",
    "an index beyond the end of what is empty": r"^error\n.*\[.*\nminigrad IndexError: .*out of bounds.* PyTorch no error",
    "which of equal elements": r"^value\n.*\.(topk|kthvalue|median|arg\w+|sort|max|min|cummax|cummin)\(.*\nminigrad [^.]*$",
}
