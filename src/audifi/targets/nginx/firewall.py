"""Render the web application firewall: which rules of the Core Rule Set run, and what they must let through.

The rules read JSON bodies as if they were form fields, and were written for pages, not for APIs. What ordinary
traffic of ours looks like to them, and what is done about it:
  * PUT, PATCH and DELETE are attacks by default                    -> allowed methods (900200)
  * a signed message (EIP-4361) has lines, addresses and a URL      -> field `message`: no shell, no inclusion rules
  * names, biographies and questions hold any Unicode and quotes    -> prose fields: no shell or inclusion rules;
    SQL and script detection stay on
  * tokens, signatures and codes are random letters                 -> not inspected, and so never logged either
  * an address may be any https URL                                 -> URL fields: no remote-inclusion rules
Unexpected content types are refused by the edge itself with 415 (configuration.py), not with 403 by rule 920420.

Between: configuration (switches it on for API locations only: http.md measured about 2 ms of CPU a request).
Invariant: request bodies never appear in the audit log.
Source: components.md 1 (traps); OWASP CRS 3.3.4 documentation; domain.md 5.4.
"""

from audifi.targets.nginx.edge import Edge
from audifi.wire.routes import BODY_BYTES, METHODS

PARANOIA = 1  # "OWASP core set medium" of domain.md 5.4: score 5 blocks, one critical match is enough
ARGUMENTS_MAX = 5000  # a batch of 100 events with their properties (domain.md 2.6)
JSON_DEPTH = 32

# Rules for what we do not run (PHP, Java, applications of others) and responses are left out: half the cost.
RULE_FILES = (
    "REQUEST-901-INITIALIZATION.conf",
    "REQUEST-911-METHOD-ENFORCEMENT.conf",
    "REQUEST-913-SCANNER-DETECTION.conf",
    "REQUEST-920-PROTOCOL-ENFORCEMENT.conf",
    "REQUEST-921-PROTOCOL-ATTACK.conf",
    "REQUEST-930-APPLICATION-ATTACK-LFI.conf",
    "REQUEST-931-APPLICATION-ATTACK-RFI.conf",
    "REQUEST-932-APPLICATION-ATTACK-RCE.conf",
    "REQUEST-934-APPLICATION-ATTACK-NODEJS.conf",
    "REQUEST-941-APPLICATION-ATTACK-XSS.conf",
    "REQUEST-942-APPLICATION-ATTACK-SQLI.conf",
    "REQUEST-949-BLOCKING-EVALUATION.conf",
)

SECRET_FIELDS = (
    "token", "mfaToken", "refreshToken", "signature", "code", "nonce", "ticket", "txHash", "accessToken",
)  # fmt: skip
PROSE_FIELDS = (
    "message", "displayName", "bio", "shortBio", "artistName", "title", "description", "question", "text", "label",
    "name", "note", "location", "genre", "statement", "reason", "email", "specialty",
)  # fmt: skip
URL_FIELDS = (
    "avatarUrl", "imageUrl", "audioUrl", "streamUrl", "uri", "url", "redirectPath", "website", "instagram",
    "twitter", "tiktok", "youtube", "spotify", "appleMusic", "soundcloud", "bandcamp", "tidal",
)  # fmt: skip
JSON_PROCESSOR = (
    'SecRule REQUEST_HEADERS:Content-Type "^application/(?:[a-z.+-]+\\+)?json" '
    "\"id:'200001',phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\""
)
COOKIES = ("refresh_token", "csrf_token")


def _engine(edge: Edge) -> list[str]:
    return [
        "SecRuleEngine On",
        "SecRequestBodyAccess On",
        f"SecRequestBodyLimit {BODY_BYTES + 1024}",
        f"SecRequestBodyNoFilesLimit {BODY_BYTES + 1024}",
        "SecRequestBodyLimitAction Reject",
        f"SecRequestBodyJsonDepthLimit {JSON_DEPTH}",
        f"SecArgumentsLimit {ARGUMENTS_MAX}",
        "SecResponseBodyAccess Off",
        "SecPcreMatchLimit 100000",
        "SecPcreMatchLimitRecursion 100000",
        f"SecTmpDir {edge.paths.data}",
        f"SecDataDir {edge.paths.data}",
        "SecAuditEngine Off",
        "SecArgumentSeparator &",
        "SecCookieFormat 0",
        f"SecUnicodeMapFile {edge.paths.unicode_map} 20127",
        "SecStatusEngine Off",
        # A body that cannot be parsed passes uninspected: the service refuses it with the place of the mistake.
        JSON_PROCESSOR,
        'SecDefaultAction "phase:1,log,noauditlog,pass"',
        'SecDefaultAction "phase:2,log,noauditlog,pass"',
    ]


def _setup() -> list[str]:
    methods = " ".join((*METHODS, "OPTIONS"))
    return [
        f'SecAction "id:900000,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level={PARANOIA}"',
        'SecAction "id:900110,phase:1,nolog,pass,t:none,setvar:tx.inbound_anomaly_score_threshold=5"',
        f"SecAction \"id:900200,phase:1,nolog,pass,t:none,setvar:'tx.allowed_methods={methods}'\"",
        'SecAction "id:900990,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=334"',
    ]


def _exclusions() -> list[str]:
    secrets = "|".join(SECRET_FIELDS)
    prose = "|".join(PROSE_FIELDS)
    urls = "|".join(URL_FIELDS)
    lines = ["SecRuleRemoveById 920420"]
    field = "ARGS:'/^json(?:\\..*)?\\.(?:{names})$/'"  # the quotes let the expression contain |
    every = ("attack-sqli", "attack-xss", "attack-rce", "attack-lfi", "attack-rfi", "attack-injection-generic")
    lines += [f'SecRuleUpdateTargetByTag {tag} "!{field.format(names=secrets)}"' for tag in every]
    lines += [f'SecRuleUpdateTargetByTag {tag} "!ARGS:token"' for tag in every]
    lines += [f'SecRuleUpdateTargetByTag {tag} "!REQUEST_COOKIES:{name}"' for tag in every for name in COOKIES]
    for tag in ("attack-rce", "attack-lfi", "attack-rfi"):
        lines.append(f'SecRuleUpdateTargetByTag {tag} "!{field.format(names=prose)}"')
    lines.append(f'SecRuleUpdateTargetByTag attack-rfi "!{field.format(names=urls)}"')
    return lines


def rules(edge: Edge) -> str:
    """Return the rule file nginx loads."""
    includes = [f"Include {edge.paths.rules}/{name}" for name in RULE_FILES]
    return "\n".join([*_engine(edge), *_setup(), *includes, *_exclusions()]) + "\n"
