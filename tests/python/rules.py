"""Detection rules for tests that need rules which act."""

HEAD = """
[[rule]]
id = "codename"
type = "CUSTOM_CODENAME"
severity = "HIGH"
keywords = ["project nightjar"]
action = "block"
matches = ["about Project Nightjar!"]
clean = ["a nightjar is a bird"]

[[rule]]
id = "mail"
type = "PII_EMAIL"
class = "PII"
severity = "MEDIUM"
pattern = '''[a-z0-9.]{1,40}@[a-z0-9-]{1,40}\\.[a-z]{2,6}'''
action = "redact"
matches = ["to ann@acme.dev now"]
clean = ["@acme"]

[[rule]]
id = "noted"
type = "CUSTOM_NOTED"
severity = "LOW"
keywords = ["noteworthy"]
matches = ["a noteworthy thing"]
clean = ["a note"]

[[rule]]
id = "last-straw"
type = "CUSTOM_LAST_STRAW"
severity = "CRITICAL"
keywords = ["last straw"]
action = "quarantine"
matches = ["the last straw"]
clean = ["a straw"]

[[rule]]
id = "shell"
type = "TOOL_DESTRUCTIVE_SHELL"
domain = "SYSTEM_INTEGRITY"
severity = "CRITICAL"
surfaces = ["tool_arguments"]
pattern = '''rm -rf /'''
boundary = "none"
action = "block"
matches = ["rm -rf /"]
clean = ["rm x"]
"""

NOTING = HEAD.replace('action = "block"\n', "").replace('action = "redact"\n', "").replace('action = "quarantine"\n', "")


def write(directory, text=HEAD, name="detections.toml"):
    """Writes the rules into a directory; returns the path for `DETECTION__FILE`."""
    path = directory / name
    path.write_text(text)
    return path
