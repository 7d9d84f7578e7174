"""The order of chunks, and who runs as one: properties of graphs of any shape."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from trisalt.state.compile import Compiled, Rules, compile_chunks
from trisalt.state.graph import build
from trisalt.state.order import ordered

KINDS = ("require", "watch", "onchanges", "onfail", "require_any")


def chunk(number, **more):
    return {
        "state": "test", "fun": "nop", "name": f"n{number}", "__id__": f"i{number}", "__sls__": "s", "__env__": "base",
        "order": 10000 + number, **more,
    }  # fmt: skip


def requiring(edges, count):
    """Chunks of which `i` requires `j` for each (i, kind, j)."""
    chunks = [chunk(number) for number in range(count)]
    for source, kind, target in edges:
        chunks[source].setdefault(kind, []).append({"test": f"i{target}"})
    return chunks


@st.composite
def acyclic(draw, most=14, kinds=KINDS):
    """Chunks that require only chunks of a lower rank, in any order of writing."""
    count = draw(st.integers(1, most))
    rank = draw(st.permutations(range(count)))
    pairs = [(a, b) for a in range(count) for b in range(count) if rank[a] > rank[b]]
    edges = draw(st.lists(st.tuples(st.sampled_from(pairs), st.sampled_from(kinds)), max_size=30)) if pairs else []
    return requiring([(a, kind, b) for (a, b), kind in edges], count)


@given(acyclic())
def test_what_is_required_runs_before(chunks):
    compiled = compile_chunks(chunks, Rules())
    assert isinstance(compiled, Compiled)
    place = {each["__id__"]: number for number, each in enumerate(compiled.chunks)}
    assert len(place) == len(chunks)
    for each in chunks:
        for kind in KINDS:
            for required in each.get(kind, ()):
                assert place[required["test"]] < place[each["__id__"]]


@given(acyclic(kinds=["require"]), st.randoms())
def test_the_order_is_not_that_of_the_writing_where_the_numbers_say_more(chunks, random):
    first = compile_chunks([dict(each) for each in chunks], Rules())
    random.shuffle(chunks)
    second = compile_chunks(chunks, Rules())
    assert [each["__id__"] for each in first.chunks] == [each["__id__"] for each in second.chunks]


@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(KINDS), st.integers(0, 7)), max_size=20))
def test_a_circle_is_found_or_there_is_none(edges):
    compiled = compile_chunks(requiring(edges, 8), Rules())
    reached = {a: {b for source, _kind, b in edges if source == a} for a in range(8)}
    for _ in range(8):
        reached = {a: there.union(*(reached[b] for b in there)) for a, there in reached.items()}
    circular = any(a in there for a, there in reached.items())
    assert isinstance(compiled, list) == circular
    if circular:
        assert compiled[0].startswith("Recursive requisites were found: ({'SLS': 's', 'ID': ")


@given(acyclic())
def test_what_runs_as_one_does_not_require_each_other(chunks):
    graph, cap, errors = build(chunks, aggregate=True)
    assert not errors
    ordered(graph, cap)
    for group in {id(node.group): node.group for node in graph.nodes}.values():
        for member in group.members:
            seen, todo = set(), list(member.outgoing)
            while todo:
                node = todo.pop()
                if node not in seen:
                    seen.add(node)
                    todo += node.outgoing
            assert not seen & set(group.members)


@given(acyclic())
def test_every_chunk_that_may_is_in_one_group(chunks):
    graph, cap, _errors = build(chunks, aggregate=["test"])
    ordered(graph, cap)
    assert all(node.group is not None and node in node.group.members for node in graph.nodes)


@settings(max_examples=25)
@given(st.lists(st.one_of(st.integers(-50, 50), st.sampled_from(["first", "last", "odd", None, 2.5])), max_size=12))
def test_orders_of_any_kind_are_sorted(orders):
    chunks = [chunk(number, order=order) for number, order in enumerate(orders)]
    compiled = compile_chunks(chunks, Rules())
    numbers = [each["order"] for each in compiled.chunks]
    assert numbers == sorted(numbers)


def test_ten_thousand_states_that_require_each_other_take_seconds_at_most():
    count = 10_000
    chunks = requiring([(i, "require", i - 1) for i in range(1, count)], count)
    began = time.process_time()
    compiled = compile_chunks(chunks, Rules())
    assert len(compiled.chunks) == count
    assert time.process_time() - began < 5
