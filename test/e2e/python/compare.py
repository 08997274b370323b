"""Is what came out of an import and a compaction what Chroma itself makes of the same directory and operations?

    compare.py <directory> <collection> <checkout> <collection there> <delta.jsonl>

Opens a directory of old with the chromadb that this Python has, carries out the delta's operations in it by Chroma's own
calls, and compares it with the checkout: every record exactly (3 is not 3.0), every answer to a list of filters, and
the nearest neighbours. Prints {"records", "filters", "queries", "differences"}. Writes to the first directory.
"""

import json
import math
import random
import sys

import chromadb

INCLUDE = ["embeddings", "documents", "metadatas"]
SHOWN = 20
NEIGHBOURS = 10
SHARED = 0.98
NAMES = {"embedding": "embeddings", "metadata": "metadatas", "document": "documents"}


def open_collection(directory, name):
    # Nothing is embedded; the client must not go looking for what the collection's maker used.
    return chromadb.PersistentClient(directory).get_collection(name, embedding_function=None)


def apply(collection, lines):
    for line in lines:
        operation = json.loads(line)
        op, key = operation.pop("op"), operation.pop("id")
        if op == "delete":
            collection.delete(ids=[key])
            continue
        if "document" in operation and "embedding" not in operation:
            # The client would embed the document anew.
            operation["embedding"] = collection.get(ids=[key], include=["embeddings"])["embeddings"][0]
        given = {NAMES[name]: [value] for name, value in operation.items()}
        getattr(collection, op)(ids=[key], **given)


def exact(value):
    """Python finds 5 == 5.0 == True, and -0.0 == 0.0; here they differ."""
    if isinstance(value, float):
        return ["float", "-0.0" if value == 0 and math.copysign(1, value) < 0 else repr(value)]
    if isinstance(value, (list, tuple)):
        return [exact(item) for item in value]
    return [type(value).__name__, repr(value)]


def close(a, b, is_cosine):
    # Under cosine Chroma keeps normalised vectors: an embedding read back differs in its last bits.
    tolerance = 1e-6 if is_cosine else 0
    return len(a) == len(b) and all(abs(x - y) <= tolerance * max(1, abs(x)) for x, y in zip(a, b))


def records(collection):
    got = collection.get(include=INCLUDE)
    rows = zip(got["ids"], got["embeddings"], got["documents"], got["metadatas"])
    return {
        key: dict(embedding=[float(x) for x in embedding], document=document,
                  metadata={name: exact(value) for name, value in sorted((metadata or {}).items())})
        for key, embedding, document, metadata in rows
    }


def compare_records(ours, native, is_cosine):
    for key in sorted(native.keys() | ours.keys()):
        a, b = ours.get(key), native.get(key)
        if a is None or b is None:
            yield f"{key} is {'missing' if a is None else 'too much'}"
            continue
        for field in ["document", "metadata"]:
            if a[field] != b[field]:
                yield f"{field} of {key}: {a[field]!r}, natively {b[field]!r}"
        if not close(a["embedding"], b["embedding"], is_cosine):
            yield f"embedding of {key}: {a['embedding']}, natively {b['embedding']}"


def filters():
    numbers = [5, 5.0, 4.5, 5.5, 0, 0.1, 1e3, -1, 2**53 - 1, 2**53 + 1, 2**63 - 1, 1e300]
    for key in ["n", "whole", "real", "mixed", "again"]:
        for number in numbers:
            for operator in ["$eq", "$ne", "$lt", "$lte", "$gt", "$gte"]:
                yield {"where": {key: {operator: number}}}
            yield {"where": {key: {"$in": [number]}}}
            yield {"where": {key: {"$nin": [number]}}}
    for key in ["text", "mixed", "back", "even", "new"]:
        for value in ["cat", "5", "", "snowman \u2603", "\u2603", True, False]:
            for operator in ["$eq", "$ne"]:
                yield {"where": {key: {operator: value}}}
    yield {"where": {"$and": [{"even": True}, {"$or": [{"n": {"$lt": 20}}, {"real": {"$gt": 4.7}}]}]}}
    for text in ["document", "number3", "upserted", "dog", "snowman \u2603", "zyxwvut", "another text", "back", "quote \""]:
        yield {"where_document": {"$contains": text}}
        yield {"where_document": {"$not_contains": text}}
        yield {"where_document": {"$contains": text}, "where": {"even": True}}
    yield {"where_document": {"$regex": "number[0-4]$"}}


def answer(task):
    """What cannot be asked at all must be refused in both."""
    try:
        return task()
    except Exception as error:  # Each version refuses in its own way.
        return f"refused: {type(error).__name__}"


def compare_filters(ours, native, asked):
    for condition in asked:
        both = [answer(lambda: sorted(c.get(include=[], **condition)["ids"])) for c in (ours, native)]
        if both[0] != both[1]:
            yield f"{condition}: {len(both[0])} answers, natively {len(both[1])}"


def neighbours(collection, vector, condition):
    found = collection.query(query_embeddings=[vector], n_results=NEIGHBOURS, include=["distances"], **condition)
    return dict(zip(found["ids"][0], found["distances"][0]))


def compare_queries(ours, native, asked):
    """Distances exactly as far as float32 goes. An index finds nearly all neighbours, and two find nearly the same."""
    found, shared = 0, 0
    for vector, condition in asked:
        a, b = (neighbours(c, vector, condition) for c in (ours, native))
        both = a.keys() & b.keys()
        found, shared = found + len(b), shared + len(both)
        wrong = [key for key in sorted(both) if not math.isclose(a[key], b[key], rel_tol=1e-4, abs_tol=1e-5)]
        for key in wrong:
            yield f"distance of {key} to {vector} {condition}: {a[key]}, natively {b[key]}"
    if shared < SHARED * found:
        yield f"only {shared} of {found} neighbours are those that native Chroma finds"


def main(directory, name, checkout, ours_name, delta):
    native, ours = open_collection(directory, name), open_collection(checkout, ours_name)
    with open(delta, encoding="utf8") as lines:
        apply(native, list(lines))
    before = records(native)
    rng = random.Random(7)
    dimension = len(next(iter(before.values()))["embedding"])
    asked = list(filters())
    vectors = [[rng.uniform(-2, 2) for _ in range(dimension)] for _ in range(20)]
    conditions = [{}, {"where": {"even": True}}, {"where": {"n": {"$gt": 500}}}]
    queries = [(vector, condition) for vector in vectors for condition in conditions]
    differences = []
    if ours.count() != native.count():
        differences.append(f"{ours.count()} records, natively {native.count()}")
    differences += compare_records(records(ours), before, name.startswith("cosine"))
    differences += compare_filters(ours, native, asked)
    differences += compare_queries(ours, native, queries)
    print(json.dumps(dict(
        records=len(before), filters=len(asked), queries=len(queries),
        differences=[line[:300] for line in differences[:SHOWN]], found=len(differences),
    )))


main(*sys.argv[1:])
