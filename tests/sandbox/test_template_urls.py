"""Which object of S3 an address names, and which addresses are refused."""

from __future__ import annotations

import pytest

from sandbox.cloudformation.template_urls import ObjectName, RefusedURL, object_of
from tests.sandbox.helpers import cases

PORT = 4566
UNSUPPORTED = "TemplateURL must be a supported URL."


@cases(
    "url",
    {
        "host style": "https://b.s3.us-east-1.amazonaws.com/a/k",
        "host style without region": "https://b.s3.amazonaws.com/a/k",
        "host style with a hyphen": "https://b.s3-us-east-1.amazonaws.com/a/k",
        "host style, dual stack": "https://b.s3.dualstack.us-east-1.amazonaws.com/a/k",
        "host style, FIPS": "https://b.s3-fips.us-gov-west-1.amazonaws.com/a/k",
        "host style in China": "https://b.s3.cn-north-1.amazonaws.com.cn/a/k",
        "path style": "https://s3.us-east-1.amazonaws.com/b/a/k",
        "path style without region": "https://s3.amazonaws.com/b/a/k",
        "path style with a hyphen": "https://s3-us-east-1.amazonaws.com/b/a/k",
        "path style, dual stack": "https://s3.dualstack.us-east-1.amazonaws.com/b/a/k",
        "path style, encoded": "https://s3.amazonaws.com/b/%61/k",
        "this machine": f"http://127.0.0.1:{PORT}/b/a/k",
        "this machine by name": f"http://localhost:{PORT}/b/a/k",
        "this machine, host style": f"http://b.localhost:{PORT}/a/k",
        "this machine, host style of S3": f"http://b.s3.localhost:{PORT}/a/k",
    },
)
def test_object_of_an_address_of_s3(url: str) -> None:
    assert object_of(url, "TemplateURL", {PORT}) == ObjectName("b", "a/k", None)


def test_object_of_bucket_with_dots_and_version() -> None:
    url = "https://my.s3.bucket.s3.eu-west-1.amazonaws.com/k.json?versionId=3%2F4"
    assert object_of(url, "TemplateURL", ()) == ObjectName("my.s3.bucket", "k.json", "3/4")


@cases(
    "url, message",
    {
        "another host": ("https://example.com/dummy.yml", UNSUPPORTED),
        "a host that ends alike": ("https://evil-s3.amazonaws.com.example.com/b/k", UNSUPPORTED),
        "another service": ("https://sqs.us-east-1.amazonaws.com/b/k", UNSUPPORTED),
        "another port": ("http://127.0.0.1:1/b/k", UNSUPPORTED),
        "no port": ("http://localhost/b/k", UNSUPPORTED),
        "no port at all": ("http://localhost:x/b/k", UNSUPPORTED),
        "a file": ("file:///etc/hostname", UNSUPPORTED),
        "another scheme": ("ftp://b.s3.amazonaws.com/k", UNSUPPORTED),
        "no key": ("https://b.s3.amazonaws.com/", UNSUPPORTED),
        "no key in path style": ("https://s3.amazonaws.com/b", UNSUPPORTED),
        "no URL": ("template.yml", UNSUPPORTED),
        "a name of an object": (
            "s3://b/test/template.yml",
            "S3 error: Domain name specified in b is not a valid S3 domain",
        ),
    },
)
def test_object_of_another_address_is_refused(url: str, message: str) -> None:
    with pytest.raises(RefusedURL) as refused:
        object_of(url, "TemplateURL", {PORT})
    assert str(refused.value) == message
