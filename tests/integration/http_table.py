"""ROBUSTNESS.md section 3 as data: every way in which a request may be malformed or ambiguous, with the status and the
code that answer it. test_http_refusals.py sends each row over a socket of its own."""

import json

from harness import chat_body

BODY = json.dumps(chat_body("fast")).encode()
SIZE = str(len(BODY)).encode()
PATH = b"/v1/chat/completions"
# What a stricter neighbour might take for a second request.
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"

REQUEST = "invalid_request"
FRAMING = "invalid_framing"


def post(*fields, body=BODY, host=b"Host: a", version=b"HTTP/1.1", path=PATH):
    lines = [b"POST " + path + b" " + version, host, b"Content-Type: application/json", *fields]
    return b"\r\n".join([line for line in lines if line is not None] + [b"", b""]) + body


def chunked(*pieces, end=b"0\r\n\r\n", coding=b"Transfer-Encoding: chunked", version=b"HTTP/1.1"):
    return post(coding, body=b"".join(pieces) + end, version=version)


WHOLE_CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)
END = b"0\r\n\r\n"


def sized(value):
    """A request whose Content-Length is `value`."""
    return post(b"Content-Length: " + value)


def both(*fields):
    return post(*fields, body=WHOLE_CHUNK + END)


def field(line):
    return b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"


def host(value):
    return b"GET /v1/models HTTP/1.1\r\nHost: " + value + b"\r\n\r\n"


def line(text):
    return text + b"\r\nHost: a\r\n\r\n"


def rows(status, code, requests):
    return {name: (status, code, data) for name, data in requests.items()}


# | `Content-Length` with `Transfer-Encoding` (any order), repeated / listed / empty / signed / hex / spaced / overflowing
LENGTHS = rows(400, FRAMING, {
    "length and coding": both(b"Content-Length: " + SIZE, b"Transfer-Encoding: chunked"),
    "coding and length": both(b"Transfer-Encoding: chunked", b"Content-Length: " + SIZE),
    "coding and length zero": both(b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    "length zero and coding": both(b"Content-Length: 0", b"Transfer-Encoding: chunked"),
    "length and coding apart": both(b"Content-Length: " + SIZE, b"X: y", b"Transfer-Encoding: chunked"),
    "length and coding in other cases": both(b"CONTENT-length: " + SIZE, b"transfer-ENCODING: CHUNKED"),
    "length and an unknown coding": both(b"Content-Length: " + SIZE, b"Transfer-Encoding: gzip"),
    "length and coding in HTTP/1.0": post(b"Content-Length: " + SIZE, b"Transfer-Encoding: chunked", version=b"HTTP/1.0"),
    "length twice, equal": post(b"Content-Length: " + SIZE, b"Content-Length: " + SIZE),
    "length twice, different": post(b"Content-Length: 5", b"Content-Length: " + SIZE),
    "length twice in other cases": post(b"Content-Length: " + SIZE, b"content-length: " + SIZE),
    "length twice, zero": post(b"Content-Length: 0", b"Content-Length: 0"),
    "length thrice": post(*[b"Content-Length: " + SIZE] * 3),
    "length twice in HTTP/1.0": post(b"Content-Length: " + SIZE, b"Content-Length: " + SIZE, version=b"HTTP/1.0"),
    "length listed, equal": sized(b"%s, %s" % (SIZE, SIZE)),
    "length listed, different": sized(b"5, " + SIZE),
    "length with a comma behind": sized(SIZE + b","),
    "length with a comma in front": sized(b"," + SIZE),
    "length empty": sized(b""),
    "length of blanks": sized(b" \t "),
    "length with a plus": sized(b"+" + SIZE),
    "length negative": sized(b"-1"),
    "length minus zero": sized(b"-0"),
    "length hexadecimal": sized(b"0x20"),
    "length hexadecimal, bare": sized(b"2a"),
    "length with a space inside": sized(b"1 2"),
    "length with a letter": sized(b"12a"),
    "length with a fraction": sized(b"12.0"),
    "length with an exponent": sized(b"1e2"),
    "length with an underscore": sized(b"1_2"),
    "length with a semicolon": sized(SIZE + b";x"),
    "length in other digits": sized("٣".encode()),
    "length over 64 bits": sized(b"18446744073709551617"),
    "length of the largest signed number and one": sized(b"9223372036854775808"),
    "length of 30 digits": sized(b"9" * 30),
    "length with many leading zeros": sized(b"0" * 30 + SIZE),
    "length quoted": sized(b'"' + SIZE + b'"'),
    "length with a vertical tab": sized(b"\x0b" + SIZE),
    "length with a NUL behind": sized(SIZE + b"\0"),
    "length with a space before the colon": post(b"Content-Length : " + SIZE),
    "length folded": post(b"Content-Length:\r\n " + SIZE),
})

# | `Transfer-Encoding` other than exactly one `chunked`; any in HTTP/1.0
CODINGS = rows(400, FRAMING, {
    "coding chunked twice": both(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "coding chunked, chunked": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked, chunked"),
    "coding chunked, identity": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked, identity"),
    "coding chunked, gzip": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked, gzip"),
    "coding chunked and gzip apart": both(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
    "coding empty": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: "),
    "coding of a comma": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: ,"),
    "coding with an empty element": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked,"),
    "coding quoted": chunked(WHOLE_CHUNK, coding=b'Transfer-Encoding: "chunked"'),
    "coding with a parameter": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked;q=1"),
    "coding with a space inside": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chun ked"),
    "coding with a vertical tab": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: \x0bchunked"),
    "coding with a NUL": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked\0"),
    "coding with obs-text": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked\xa0"),
    "coding with a letter of another alphabet": chunked(WHOLE_CHUNK, coding="Transfer-Encoding: сhunked".encode()),
    "coding with a space before the colon": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding : chunked"),
    "coding with a tab before the colon": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding\t: chunked"),
    "coding with a space before its name": chunked(WHOLE_CHUNK, coding=b" Transfer-Encoding: chunked"),
    "coding folded": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding:\r\n chunked"),
    "coding behind a bare LF": chunked(WHOLE_CHUNK, coding=b"X: y\nTransfer-Encoding: chunked"),
    "coding behind a bare CR": chunked(WHOLE_CHUNK, coding=b"X: y\rTransfer-Encoding: chunked"),
    "coding in HTTP/1.0": chunked(WHOLE_CHUNK, version=b"HTTP/1.0"),
    "coding gzip in HTTP/1.0": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: gzip", version=b"HTTP/1.0"),
}) | rows(501, "unsupported_transfer_encoding", {
    "coding identity": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: identity"),
    "coding gzip": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: gzip"),
    "coding gzip, chunked": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: gzip, chunked"),
    "coding xchunked": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: xchunked"),
    "coding chunkedx": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunkedx"),
    "coding misspelt": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunkd"),
})

# | Chunk size not plain hex, > 15 digits, bare CR or LF, wrong bytes after the data, extension not in grammar
TEN = b"a" * 16
CHUNKS = rows(400, FRAMING, {
    "size with 0x": chunked(b"0x10\r\n" + TEN + b"\r\n"),
    "size with a plus": chunked(b"+10\r\n" + TEN + b"\r\n"),
    "size negative": chunked(b"-1\r\n"),
    "size empty": chunked(b"\r\n"),
    "size with a space in front": chunked(b" 10\r\n" + TEN + b"\r\n"),
    "size with a tab in front": chunked(b"\t10\r\n" + TEN + b"\r\n"),
    "size with a space behind": chunked(b"10 \r\n" + TEN + b"\r\n"),
    "size with a space inside": chunked(b"1 0\r\n" + TEN + b"\r\n"),
    "size with an underscore": chunked(b"1_0\r\n" + TEN + b"\r\n"),
    "size of 16 digits": chunked(b"0000000000000010\r\n" + TEN + b"\r\n"),
    "size of 17 digits": chunked(b"10000000000000010\r\n" + TEN + b"\r\n"),
    "size not hexadecimal": chunked(b"1g\r\n"),
    "size in full-width digits": chunked("１".encode() + b"\r\na\r\n"),
    "size quoted": chunked(b'"10"\r\n' + TEN + b"\r\n"),
    "size with a fraction": chunked(b"1.0\r\na\r\n"),
    "size line ends with LF": chunked(b"10\n" + TEN + b"\r\n"),
    "size line ends with CR": chunked(b"10\r" + TEN + b"\r\n"),
    "size line ends with LF CR": chunked(b"10\n\r" + TEN + b"\r\n"),
    "size line ends with CR CR LF": chunked(b"10\r\r\n" + TEN + b"\r\n"),
    "size with a NUL": chunked(b"10\0\r\n" + TEN + b"\r\n"),
    "data longer than its size": chunked(b"5\r\n" + b"a" * 6 + b"\r\n"),
    "data ends with LF": chunked(b"5\r\naaaaa\n"),
    "data ends with CR": chunked(b"5\r\naaaaa\r"),
    "data ends with nothing": chunked(b"5\r\naaaaa"),
    "data ends with a space": chunked(b"5\r\naaaaa \r\n"),
    "an empty line between chunks": chunked(b"5\r\naaaaa\r\n\r\n"),
    "extension without a name": chunked(b"5;=x\r\naaaaa\r\n"),
    "extension empty": chunked(b"5;\r\naaaaa\r\n"),
    "extension with an empty value": chunked(b"5;a=\r\naaaaa\r\n"),
    "extension with a space in its value": chunked(b"5;a=b c\r\naaaaa\r\n"),
    "extension with a control byte": chunked(b"5;a=\x01\r\naaaaa\r\n"),
    "extension with a NUL in quotes": chunked(b'5;a="\0"\r\naaaaa\r\n'),
    "extension with a bare LF": chunked(b"5;a\nb\r\naaaaa\r\n"),
    "extension with a bare CR": chunked(b"5;a\rb\r\naaaaa\r\n"),
    "extension with a line end in quotes": chunked(b'5;a="\r\n"\r\naaaaa\r\n'),
    "extension with an open quote": chunked(b'5;a="b\r\naaaaa\r\n'),
    "extension with text behind the quote": chunked(b'5;a="b"c\r\naaaaa\r\n'),
    "last chunk ends with LF": chunked(WHOLE_CHUNK, end=b"0\n\r\n"),
    "last chunk ends with LF LF": chunked(WHOLE_CHUNK, end=b"0\n\n"),
    "body ends with LF": chunked(WHOLE_CHUNK, end=b"0\r\n\n"),
    "trailer with a space before the colon": chunked(WHOLE_CHUNK, end=b"0\r\nX : y\r\n\r\n"),
    "trailer with a bare LF": chunked(WHOLE_CHUNK, end=b"0\r\nX: y\n\r\n\r\n"),
    "trailer with a bare CR": chunked(WHOLE_CHUNK, end=b"0\r\nX: y\rZ: y\r\n\r\n"),
    "trailer with a NUL": chunked(WHOLE_CHUNK, end=b"0\r\nX: \0\r\n\r\n"),
    "trailer without a colon": chunked(WHOLE_CHUNK, end=b"0\r\nGET /v1/models HTTP/1.1\r\n\r\n"),
    "trailer without a name": chunked(WHOLE_CHUNK, end=b"0\r\n: y\r\n\r\n"),
    "trailer folded": chunked(WHOLE_CHUNK, end=b"0\r\nX: y\r\n z\r\n\r\n"),
}) | rows(413, "request_too_large", {
    "extensions over 64 KiB in one chunk": chunked(b"1;a=" + b"b" * 66_000 + b"\r\nx\r\n"),
    "extensions over 64 KiB in many chunks": chunked(*[b"1;" + b"a" * 4000 + b"\r\nx\r\n"] * 20),
}) | rows(431, "header_too_large", {
    "trailer over 8 KiB": chunked(WHOLE_CHUNK, end=b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n"),
    "many trailers over 8 KiB": chunked(WHOLE_CHUNK, end=b"0\r\n" + b"X: aaaaaaaaaaaa\r\n" * 700 + b"\r\n"),
})

# | Bare LF or CR, NUL, other control bytes, folded lines, space before the colon, empty or non-token names
FIELDS = rows(400, FRAMING, {
    "bare LF after the request line": b"GET /v1/models HTTP/1.1\nHost: a\r\n\r\n",
    "bare CR after the request line": b"GET /v1/models HTTP/1.1\rHost: a\r\n\r\n",
    "bare LF after a field": b"GET /v1/models HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "bare LF at the end": b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\n",
    "bare LF everywhere": b"GET /v1/models HTTP/1.1\nHost: a\n\n",
    "bare CR at the end": b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\rX",
    "bare CR in a field": field(b"X: a\rb"),
    "CR CR LF": field(b"X: a\r"),
    "LF CR": b"GET /v1/models HTTP/1.1\r\nHost: a\n\rX: y\r\n\r\n",
    "NUL in a field": field(b"X: a\0b"),
    "NUL in a name": field(b"X\0Y: b"),
    "control byte in a field": field(b"X: a\x01b"),
    "vertical tab in a field": field(b"X: a\x0bb"),
    "form feed in a field": field(b"X: a\x0cb"),
    "escape byte in a field": field(b"X: a\x1b[0m"),
    "DEL in a field": field(b"X: a\x7fb"),
    "control byte in a name": field(b"X\x01: b"),
    "folded field": field(b"X: a\r\n b"),
    "field folded with a tab": field(b"X: a\r\n\tb"),
    "folded first field": b"GET /v1/models HTTP/1.1\r\n Host: a\r\n\r\n",
    "line of a blank": field(b"X: a\r\n "),
    "space before the colon": field(b"X : a"),
    "tab before the colon": field(b"X\t: a"),
    "empty name": field(b": a"),
    "name of a space": field(b"X: a\r\n : a"),
    "no colon": field(b"X"),
    "name with a space": field(b"X Y: a"),
    "name with a parenthesis": field(b"X(Y): a"),
    "name with a slash": field(b"X/Y: a"),
    "name with brackets": field(b"X[0]: a"),
    "name with an at sign": field(b"X@Y: a"),
    "name with a quote": field(b'"X": a'),
    "name with a comma": field(b"X,Y: a"),
    "name with a semicolon": field(b"X;Y: a"),
    "name with an equals sign": field(b"X=Y: a"),
    "name outside ASCII": field(b"X\xc3\xa9: a"),
    "Connection with a bad option": field(b"Connection: clo se"),
    "Connection with a quoted option": field(b'Connection: "close"'),
})

# | No / two / malformed `Host` (also userinfo, path, fragment, spaces inside)
HOSTS = rows(400, REQUEST, {
    "no Host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "no Host with an absolute target": b"GET http://a/v1/models HTTP/1.1\r\n\r\n",
    "two Hosts, equal": field(b"Host: a"),
    "two Hosts, different": field(b"Host: b"),
    "two Hosts in other cases": field(b"hOST: a"),
    "two Hosts in HTTP/1.0": b"GET /v1/models HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    "Host empty": host(b""),
    "Host with userinfo": host(b"user@a"),
    "Host with user and password": host(b"user:password@a"),
    "Host with a path": host(b"a/b"),
    "Host with a query": host(b"a?b"),
    "Host with a fragment": host(b"a#b"),
    "Host with a scheme": host(b"http://a"),
    "Host with a space": host(b"a b"),
    "Host with a tab": host(b"a\tb"),
    "Host with two values": host(b"a, b"),
    "Host with a bad port": host(b"a:8x"),
    "Host with an empty port": host(b"a:"),
    "Host with a port over 65535": host(b"a:65536"),
    "Host with a negative port": host(b"a:-1"),
    "Host with two ports": host(b"a:1:2"),
    "Host of a port": host(b":80"),
    "Host with an open bracket": host(b"[::1"),
    "Host with a bad IPv6 address": host(b"[::1::2]"),
    "Host with bytes behind the bracket": host(b"[::1]a"),
    "Host with a bare IPv6 address": host(b"::1"),
    "Host with an escape": host(b"a%2eb"),
    "Host with a backslash": host(b"a\\b"),
    "Host outside ASCII": host("ä".encode()),
    "Host quoted": host(b'"a"'),
})

# The request line, and TLS bytes on the plain port
LINES = rows(400, REQUEST, {
    "line with two spaces before the target": line(b"GET  /v1/models HTTP/1.1"),
    "line with two spaces behind the target": line(b"GET /v1/models  HTTP/1.1"),
    "line with a space in front": line(b" GET /v1/models HTTP/1.1"),
    "line with a space behind": line(b"GET /v1/models HTTP/1.1 "),
    "line with a tab": line(b"GET\t/v1/models HTTP/1.1"),
    "line without a version": line(b"GET /v1/models"),
    "line of a method": line(b"GET"),
    "line with four words": line(b"GET /v1/models HTTP/1.1 x"),
    "line without a method": line(b"/v1/models HTTP/1.1"),
    "line without a target": line(b"GET HTTP/1.1"),
    "method that is no token": line(b"G(T /v1/models HTTP/1.1"),
    "method outside ASCII": line("GÉT /v1/models HTTP/1.1".encode()),
    "method over 32 bytes": line(b"G" * 40 + b" /v1/models HTTP/1.1"),
    "target with a space": line(b"GET /v1/mod els HTTP/1.1"),
    "target with a fragment": line(b"GET /v1/models#x HTTP/1.1"),
    "target with a quote": line(b'GET /v1/"models" HTTP/1.1'),
    "target with angle brackets": line(b"GET /v1/<models> HTTP/1.1"),
    "target with a backslash": line(b"GET /v1\\models HTTP/1.1"),
    "target outside ASCII": line("GET /v1/mödels HTTP/1.1".encode()),
    "target without a slash": line(b"GET v1/models HTTP/1.1"),
    "target of a star for GET": line(b"GET * HTTP/1.1"),
    "target of an authority for GET": line(b"GET a:80 HTTP/1.1"),
    "target with an unknown scheme": line(b"GET file:///v1/models HTTP/1.1"),
    "target with userinfo": line(b"GET http://user@a/v1/models HTTP/1.1"),
    "target without a host": line(b"GET http:///v1/models HTTP/1.1"),
    "target with a bad port": line(b"GET http://a:8x/v1/models HTTP/1.1"),
    "CONNECT with a path": line(b"CONNECT /v1/models HTTP/1.1"),
    "CONNECT without a port": line(b"CONNECT a HTTP/1.1"),
    "two empty lines in front": b"\r\n\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS bytes": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "an SSH greeting": b"SSH-2.0-client\r\n",
    "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
}) | rows(400, FRAMING, {
    "target with a control byte": line(b"GET /v1/\x01models HTTP/1.1"),
    "target with a NUL": line(b"GET /v1/models\0 HTTP/1.1"),
    "target with DEL": line(b"GET /v1/\x7fmodels HTTP/1.1"),
})

# | Version not 1.0 or 1.1 / HTTP/2 preface
VERSIONS = rows(505, "http_version_not_supported", {
    "HTTP/2.0": line(b"GET /v1/models HTTP/2.0"),
    "HTTP/1.2": line(b"GET /v1/models HTTP/1.2"),
    "HTTP/1.9": line(b"GET /v1/models HTTP/1.9"),
    "HTTP/0.9": line(b"GET /v1/models HTTP/0.9"),
    "HTTP/3.0": line(b"GET /v1/models HTTP/3.0"),
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "the HTTP/2 preface with a frame": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"),
}) | rows(400, REQUEST, {
    "version in lower case": line(b"GET /v1/models http/1.1"),
    "version HTTP/11": line(b"GET /v1/models HTTP/11"),
    "version HTTP/1.10": line(b"GET /v1/models HTTP/1.10"),
    "version HTTP/1": line(b"GET /v1/models HTTP/1"),
    "version HTTP/+1.1": line(b"GET /v1/models HTTP/+1.1"),
    "version HTTP/1,1": line(b"GET /v1/models HTTP/1,1"),
    "version HTTPS/1.1": line(b"GET /v1/models HTTPS/1.1"),
    "version ICY/1.1": line(b"GET /v1/models ICY/1.1"),
})

# | Header section > 32 KiB or > 100 fields / target > 8 KiB / body > limit, by length or while reading
LIMITS = rows(431, "header_too_large", {
    "one field over 32 KiB": field(b"X: " + b"a" * 33_000),
    "one field over 32 KiB, unfinished": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 33_000,
    "a name over 32 KiB": field(b"X" * 33_000 + b": a"),
    "fields over 32 KiB together": b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"a" * 4_000 + b"\r\n") * 9 + b"\r\n",
}) | rows(431, "too_many_fields", {
    "101 fields": b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"A: 1\r\n" * 100 + b"\r\n",
    "1,000 fields": b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"A: 1\r\n" * 999 + b"\r\n",
}) | rows(414, "target_too_long", {
    "target over 8 KiB": line(b"GET /" + b"a" * 8_200 + b" HTTP/1.1"),
    "target over 8 KiB, unfinished": b"GET /" + b"a" * 9_000,
    "query over 8 KiB": line(b"GET /v1/models?" + b"a" * 8_200 + b" HTTP/1.1"),
    "absolute target over 8 KiB": line(b"GET http://a/" + b"a" * 8_200 + b" HTTP/1.1"),
}) | rows(413, "request_too_large", {
    "length over the body limit": post(b"Content-Length: 33554433", body=b""),
    "length far over the body limit": post(b"Content-Length: 99999999999999", body=b"{"),
    "length of 18 digits": post(b"Content-Length: 999999999999999999", body=b"{"),
    "chunk over the body limit": chunked(b"2000001\r\n" + b"a" * 1000, end=b""),
    "chunk of 15 digits": chunked(b"fffffffffffffff\r\n" + b"a" * 1000, end=b""),
    "chunks over the body limit together": chunked(b"1000000\r\n" + b" " * 0x1000000 + b"\r\n1000001\r\n", end=b""),
})

TABLE = {**LENGTHS, **CODINGS, **CHUNKS, **FIELDS, **HOSTS, **LINES, **VERSIONS, **LIMITS}
assert len(TABLE) == sum(map(len, (LENGTHS, CODINGS, CHUNKS, FIELDS, HOSTS, LINES, VERSIONS, LIMITS))), "a name is there twice"

# What looks odd and is right: refusing it would turn good clients away.
EXTENSION = b";name=value;flag ; q = \"a\\\" b\""
FINE = {
    "an empty line in front": b"\r\n" + post(b"Content-Length: " + SIZE),
    "names in other cases": post(b"cOnTeNt-LeNgTh: " + SIZE),
    "blanks around a length": post(b"Content-Length: \t " + SIZE + b" \t"),
    "no blank before a value": post(b"Content-Length:" + SIZE),
    "an empty value": post(b"Content-Length: " + SIZE, b"X:"),
    "a tab inside a value": post(b"Content-Length: " + SIZE, b"X: a\tb"),
    "obs-text in a value": post(b"Content-Length: " + SIZE, b"X: \xe9\xff"),
    "a length with leading zeros": post(b"Content-Length: 000" + SIZE),
    "chunked in other cases": chunked(WHOLE_CHUNK, coding=b"transfer-encoding: CHUNKED"),
    "blanks around chunked": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: \tchunked "),
    "a size in capitals with zeros": chunked(b"00%X\r\n%s\r\n" % (len(BODY), BODY)),
    "a chunk with extensions": chunked(b"%x%s\r\n%s\r\n" % (len(BODY), EXTENSION, BODY)),
    "a last chunk with many zeros": chunked(WHOLE_CHUNK, end=b"000;last\r\n\r\n"),
    "trailers": chunked(WHOLE_CHUNK, end=b"0\r\nX: y\r\nContent-Length: 7\r\nAuthorization: Bearer x\r\n\r\n"),
    "an absolute target": post(b"Content-Length: " + SIZE, path=b"http://elsewhere.example" + PATH),
    "an IPv6 Host with a port": post(b"Content-Length: " + SIZE, host=b"Host: [::1]:8080"),
    "a Host with an underscore": post(b"Content-Length: " + SIZE, host=b"Host: my_service.example:80"),
    "100 fields": post(b"Content-Length: " + SIZE, *[b"X: y"] * 97),
    "no Host in HTTP/1.0": post(b"Content-Length: " + SIZE, b"Connection: keep-alive", host=None, version=b"HTTP/1.0"),
}
