"""pytest plugin: whichever client in memory a test asks for, it gets one of the server under test.

CHROMA_PORT says where that is, on 127.0.0.1. Clients of a directory stay what they are.
"""

import os

import chromadb

_http_client = chromadb.HttpClient


def _of_the_server(*_args, **_kwargs):
    return _http_client(host="127.0.0.1", port=int(os.environ["CHROMA_PORT"]))


chromadb.Client = chromadb.EphemeralClient = chromadb.HttpClient = _of_the_server
