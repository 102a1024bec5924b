"""The ledger as a registry: every id has a check that holds, can fail, and is explained."""

import re
from decimal import Decimal as right_decimal

import pytest

from engine import Value, explain
from engine.learn.ledger import LEDGER, THIRTEEN_TWENTIETHS, Net, errata, read, table
from engine.learn.ledger.derivation import Path
from nn import MLP, losses
from nn.lab.experiments import ALL


IDS = [f"LEC-{k}" for k in range(1, 17)] + [f"LEC-R{k}" for k in range(1, 6)]
IDS += [f"S63-{k}" for k in [*"abcdefghijklmnopqrstuv", *range(1, 8)]]
IDS += [f"SX-{k}" for k in range(1, 9)] + [f"SX-R{k}" for k in range(1, 6)] + ["ESL-12", "ESL-14", "ESL-15"]
ERRATA = [f"ERR-{k}" for k in range(1, 20)]
ITEMS = [f"S0-{k}" for k in range(1, 39)] + [f"S1-{k}" for k in range(1, 40)] + [f"S2-{k}" for k in range(1, 23)]


def trained(nin, layers, **options):
    model = MLP(nin, layers, **options)
    x = [0.7 * (-1) ** k + 0.3 * k for k in range(nin)]
    return losses.sse(model(x), [float(k == 0) for k in range(layers[-1])])


NETS = {
    "13/20": THIRTEEN_TWENTIETHS,
    "tanh, linear": trained(2, [2, 2], seed=0),
    "sigmoid": trained(3, [4, 3], activation="sigmoid", output="sigmoid", seed=1),
    "one output": trained(2, [3, 1], output="sigmoid", seed=2),
    "relu, softmax": trained(4, [8, 3], activation="relu", output="softmax", seed=3),
    "two hidden layers": trained(2, [3, 3, 2], output="sigmoid", seed=4),
    "one unit each": trained(1, [1, 1], activation="sigmoid", output="sigmoid", seed=5),
}


def test_the_ids_are_those_of_the_notes_once_each():
    assert sorted(LEDGER) == sorted(IDS + ERRATA + ITEMS)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("key", LEDGER)
def test_both_sides_agree_and_what_is_misprinted_does_not(key, name):
    net, entry = read(NETS[name]), LEDGER[key]
    assert [side for side in entry.check(net) if not side.holds] == []
    assert entry.holds(net)
    if entry.printed:
        assert entry.status == "erratum"
        assert entry.exact
        if not (name == "one unit each" and key in ("S63-k", "ERR-5", "ERR-19", "S1-25")):  # one unit's indices cannot be mixed
            assert not all(side.holds for side in entry.printed(net))


def test_a_derivative_that_is_off_by_a_billionth_is_noticed(monkeypatch):
    """Derivatives by weights, nets, outputs and inputs are put off, each by another share, in hidden units by more."""
    share = {"w": 1e-9, "n": 2e-9, "o": 4e-9, "x": 8e-9, "t": 1.6e-8}
    right, by_gradient, of_a_term, along = Net.slopes.func, Net.slope_of, Path.term, Net.along
    monkeypatch.setattr(Net, "slopes", property(lambda n: {k: v * (1 + share.get(k[0], 0) * (1 + 0.5 * ("h" in k))) for k, v in right(n).items()}))
    monkeypatch.setattr(Net, "slope_of", lambda n, root, name: by_gradient(n, root, name) * (1 + 3.2e-8))
    monkeypatch.setattr(Path, "term", lambda p, k, name: of_a_term(p, k, name) * (1 + 6.4e-8))
    monkeypatch.setattr(Net, "along", lambda n, d: along(n, d) * (1 + 1.28e-7))
    silent = {key for key in IDS if "R" not in key and LEDGER[key].holds(THIRTEEN_TWENTIETHS)}
    of_values = {"LEC-2", "LEC-3", "LEC-4", "LEC-13", "S63-a", "S63-e", "S63-f", "SX-1", "SX-2", "SX-4"}
    of_sizes = {"LEC-9", "LEC-10"}
    assert silent == of_values | of_sizes


def test_a_value_that_is_off_by_a_billionth_is_noticed(monkeypatch):
    right = Net.number
    monkeypatch.setattr(Net, "number", lambda n, name: right(n, name) * (1 + 1e-9 * (name[:2] in ("o_", "E"))))
    for key in ("LEC-2", "LEC-3", "LEC-4", "LEC-13", "S63-a", "S63-e", "S63-f", "SX-1", "SX-2", "SX-4"):
        assert not LEDGER[key].holds(THIRTEEN_TWENTIETHS), key


def test_lines_of_explain_that_are_named_are_printed():
    bce = losses.bce(MLP(2, [2, 2], activation="sigmoid", output="sigmoid", seed=0)([3.0, -2.0]), [1.0, 0.0])
    half = losses.bce(MLP(2, [2, 2], activation="sigmoid", output="sigmoid", seed=0)([3.0, -2.0]), [0.5, 0.5])
    sx = trained(2, [2, 1], seed=0)
    plain = trained(2, [2, 2], activation="sigmoid", output="sigmoid", seed=0)
    printed = ""
    for E in (bce, half, sx, plain):
        weights = [n for n in leaves(E) if str(n.label).startswith("w_")]
        printed += "\n".join(str(explain(w, E, notes=words, eta=0.5)) for w in weights for words in ("LEC", "S63", "SX", "ESL"))
    told = set(re.findall(r"\b(?:LEC|S63|SX|ESL)-\w+", printed))
    named = {key for e in LEDGER.values() for key in re.findall(r"explain: ((?:LEC|S63|SX|ESL)-\w+)", e.line)}
    assert len(named) > 20
    assert named - told == set()


def leaves(root):
    found, stack = {root}, [root]
    for v in stack:
        new = [a for a in v.args if isinstance(a, Value) and a not in found]
        found.update(new)
        stack += new
    return [v for v in found if not v.args]


def test_every_entry_says_it_and_has_its_place():
    for e in LEDGER.values():
        assert e.says
        assert e.line
        assert 1 <= e.lesson <= 13
        assert e.notebook in {f"{k:02}" for k in range(10)}


def test_the_network_read_from_a_model_is_the_model():
    model = MLP(3, [4, 2], output="sigmoid", seed=3)
    E = losses.sse(model([1.0, 2.0, -0.5]), [1.0, 0.25])
    net = read(E)
    E.backward()
    assert (net.hidden, net.output, net.x, net.t) == ("tanh", "sigmoid", (1.0, 2.0, -0.5), (1.0, 0.25))
    assert net["E"].data == pytest.approx(E.data, rel=1e-14)
    assert net.gradient() == pytest.approx([p.grad for p in model.parameters()], rel=1e-12)


def test_the_table_has_a_line_for_every_id_and_corrects_the_errata():
    lines = table(NETS["sigmoid"]).splitlines()
    assert [line.split()[0] for line in lines[1:] if line[:3] != "   "] == list(LEDGER)
    assert "FAILS" not in "\n".join(lines)
    assert sum("exact:" in line for line in lines) == sum(e.printed is not None for e in LEDGER.values())


@pytest.mark.parametrize(("root", "error", "words"), [
    (3.0, TypeError, "takes the error E"),
    (Value(2.0, "a") * 3, ValueError, "no units h1, o1"),
    (losses.sse(MLP(2, [1], seed=0)([1.0, 2.0]), [1.0]), ValueError, "no units h1, o1"),
])  # fmt: skip
def test_what_is_no_network_is_refused(root, error, words):
    with pytest.raises(error, match=words):
        table(root)


def test_what_an_item_names_as_shown_is_an_experiment_of_the_lab():
    named = {e.id: e.shown for e in LEDGER.values() if e.shown}
    assert set(named.values()) <= set(ALL)
    assert len(set(named.values())) >= 15
    assert all(key.startswith("S") for key in named)


@pytest.mark.parametrize("key", ["ERR-8", "ERR-9", "ERR-10", "ERR-11", "ERR-12", "ERR-14", "ERR-15", "ERR-16"])
def test_the_corrected_form_of_an_erratum_fails_where_it_should(key, monkeypatch):
    """Each corrected form is computed: put off what it is computed from, and it no longer holds."""
    entry = LEDGER[key]
    monkeypatch.setattr(errata, "gradient", lambda *a, f=errata.gradient: [g * 1.5 + 1e-3 for g in f(*a)])
    monkeypatch.setattr(Net, "slope_of", lambda n, root, name, f=Net.slope_of: f(n, root, name) * (1 + 1e-9))
    monkeypatch.setattr(Net, "number", lambda n, name, f=Net.number: f(n, name) * (1 + 1e-9 * name.startswith("net")))
    if key == "ERR-14":
        monkeypatch.setattr(errata, "Decimal", lambda v: right_decimal(v) * right_decimal("1.000000001"))
    if key in ("ERR-10", "ERR-12", "ERR-16"):  # what they compare is a step, or none: a step of nothing
        monkeypatch.setattr(Net, "gradient", lambda n: [0.0] * len(n.names))
        monkeypatch.setattr(Net, "slope", lambda n, name: 0.0)
    assert not entry.holds(THIRTEEN_TWENTIETHS)
