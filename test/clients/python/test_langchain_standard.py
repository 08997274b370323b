"""LangChain's standard tests of a vector store, over HTTP."""

import os

import pytest
from langchain_chroma import Chroma
from langchain_tests.integration_tests import VectorStoreIntegrationTests


class TestStandard(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        port = int(os.environ["CHROMA_PORT"])
        store = Chroma("standard", self.get_embeddings(), host="127.0.0.1", port=port)
        yield store
        store.delete_collection()
