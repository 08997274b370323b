"""LlamaIndex's vector store over HTTP: what BasePydanticVectorStore promises, each in both its forms."""

import asyncio
import os

import chromadb
import pytest
from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.vector_stores.chroma import ChromaVectorStore

PLACES = {
    "lake": ([1.0, 0.0, 0.0], {"kind": "water", "depth": 250, "clear": 0.5}),
    "river": ([0.8, 0.6, 0.0], {"kind": "water", "depth": 4}),
    "hill": ([0.0, 1.0, 0.0], {"kind": "land", "height": 300}),
    "peak": ([0.0, 0.6, 0.8], {"kind": "land", "height": 4000}),
    "cloud": ([0.0, 0.0, 1.0], {"kind": "air"}),
}


def nodes():
    return [
        TextNode(
            id_=name,
            text=f"a {name}",
            embedding=embedding,
            metadata=metadata,
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=metadata["kind"])},
        )
        for name, (embedding, metadata) in PLACES.items()
    ]


def where(*filters, condition=FilterCondition.AND):
    each = [MetadataFilter(key=key, operator=operator, value=value) for key, operator, value in filters]
    return MetadataFilters(filters=each, condition=condition)


@pytest.fixture
def store():
    where = {"host": "127.0.0.1", "port": os.environ["CHROMA_PORT"]}
    yield ChromaVectorStore.from_params(
        collection_name="places", collection_kwargs={"embedding_function": None}, **where
    )
    chromadb.HttpClient(**where).delete_collection("places")


@pytest.fixture(params=["sync", "async"])
def filled(request, store):
    """The store, and a function that asks it in one of the two forms."""
    if request.param == "sync":
        assert store.add(nodes()) == list(PLACES)
        return store, store.query
    assert asyncio.run(store.async_add(nodes())) == list(PLACES)
    return store, lambda query: asyncio.run(store.aquery(query))


def test_nearest(filled):
    _, query = filled

    found = query(VectorStoreQuery(query_embedding=[1.0, 0.1, 0.0], similarity_top_k=2))

    assert found.ids == ["lake", "river"]
    assert [node.get_content() for node in found.nodes] == ["a lake", "a river"]
    assert found.nodes[0].metadata == PLACES["lake"][1]
    assert found.nodes[0].ref_doc_id == "water"
    assert found.similarities[0] > found.similarities[1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (where(("kind", FilterOperator.EQ, "water")), {"lake", "river"}),
        (where(("kind", FilterOperator.NE, "water")), {"hill", "peak", "cloud"}),
        (where(("depth", FilterOperator.GT, 4)), {"lake"}),
        (where(("depth", FilterOperator.GTE, 4)), {"lake", "river"}),
        (where(("height", FilterOperator.LT, 4000)), {"hill"}),
        (where(("clear", FilterOperator.LTE, 0.5)), {"lake"}),
        (where(("kind", FilterOperator.IN, ["air", "land"])), {"hill", "peak", "cloud"}),
        (where(("kind", FilterOperator.NIN, ["air", "land"])), {"lake", "river"}),
        (where(("kind", FilterOperator.EQ, "land"), ("height", FilterOperator.GT, 300)), {"peak"}),
        (
            where(("kind", FilterOperator.EQ, "air"), ("depth", FilterOperator.EQ, 4), condition=FilterCondition.OR),
            {"cloud", "river"},
        ),
    ],
)
def test_filters(filled, filters, expected):
    store, query = filled

    nearest = query(VectorStoreQuery(query_embedding=[1.0, 1.0, 1.0], similarity_top_k=5, filters=filters))
    filtered = query(VectorStoreQuery(similarity_top_k=5, filters=filters))

    assert set(nearest.ids) == expected
    assert set(filtered.ids) == expected
    assert {node.node_id for node in store.get_nodes(filters=filters)} == expected


def test_filters_without_embedding_keep_to_the_limit(filled):
    _, query = filled

    found = query(VectorStoreQuery(similarity_top_k=1, filters=where(("kind", FilterOperator.EQ, "land"))))

    assert len(found.ids) == 1


def test_marginal_relevance(filled):
    _, query = filled

    found = query(
        VectorStoreQuery(query_embedding=[1.0, 0.3, 0.0], similarity_top_k=2, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.1)
    )

    assert len(set(found.ids)) == 2


def test_nodes_by_id(filled):
    store, _ = filled

    found = store.get_nodes(node_ids=["peak", "nobody", "lake"])

    assert {node.node_id for node in found} == {"peak", "lake"}
    assert {node.get_content() for node in found} == {"a peak", "a lake"}


def test_delete_nodes_by_id(filled):
    store, _ = filled

    store.delete_nodes(node_ids=["peak", "lake"])

    assert {node.node_id for node in store.get_nodes(node_ids=list(PLACES))} == {"river", "hill", "cloud"}


def test_delete_nodes_by_filter(filled):
    store, _ = filled

    store.delete_nodes(filters=where(("height", FilterOperator.GT, 300)))

    assert {node.node_id for node in store.get_nodes(node_ids=list(PLACES))} == {"lake", "river", "hill", "cloud"}


@pytest.mark.parametrize("form", ["sync", "async"])
def test_delete_by_document(store, form):
    store.add(nodes())

    if form == "sync":
        store.delete("water")
    else:
        asyncio.run(store.adelete("water"))

    assert {node.node_id for node in store.get_nodes(node_ids=list(PLACES))} == {"hill", "peak", "cloud"}


def test_clear(filled):
    store, _ = filled

    store.clear()

    assert store.get_nodes(node_ids=list(PLACES)) == []


def test_index_over_the_store(store):
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(nodes(), storage_context=context, embed_model=MockEmbedding(3))
    reopened = VectorStoreIndex.from_vector_store(store, embed_model=MockEmbedding(3))

    found = reopened.as_retriever(similarity_top_k=5).retrieve("anything")
    index.delete_ref_doc("land", delete_from_docstore=False)

    assert {each.node.node_id for each in found} == set(PLACES)
    assert {node.node_id for node in store.get_nodes(node_ids=list(PLACES))} == {"lake", "river", "cloud"}
