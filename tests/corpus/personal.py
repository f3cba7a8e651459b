"""Texts with personal data, and texts that only look so.

Owns the sentences. Each family yields `(label, text)`; the label is the detection type, or None for a hard negative.
"""

import identifiers as ids

NAMES = ["Maria", "John", "Wei", "Aisha", "Lukas", "Priya", "Sofia", "Dmitri", "Chloé", "Kenji", "Ana", "Tom"]
FAMILIES = ["Keller", "Okafor", "Smith", "García", "Nguyen", "Rossi", "Andersson", "Silva", "O'Brien", "Tanaka"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"]
DOMAINS = ["example.com", "acme.co.uk", "mail.uni-koeln.de", "startup.io", "posteo.de", "company.com.br", "gov.in", "xn--bcher-kva.example"]


def email(rng):
    name, family = rng.choice(["maria", "john", "wei", "a.lopez", "k_tanaka"]), rng.choice(["keller", "smith", "ng"])
    local = rng.choice([f"{name}.{family}", f"{name}{rng.randint(1, 99)}", f"{name}+{family}", f"{name}-{family}", name])
    return f"{local}@{rng.choice(DOMAINS)}"


def phone(rng):
    d = lambda count: ids.digits(rng, count)
    nanp = f"{rng.choice([202, 312, 415, 646, 713, 905])}"
    exchange = rng.choice("23456789") + d(2)
    if exchange[1:] == "11":
        exchange = "555"
    return rng.choice([
        f"({nanp}) {exchange}-{d(4)}", f"{nanp}-{exchange}-{d(4)}", f"+1 {nanp} {exchange} {d(4)}", f"+1-{nanp}-{exchange}-{d(4)}",
        f"{nanp}.{exchange}.{d(4)}", f"+44 20 7{d(3)} {d(4)}", f"+447{d(9)}", f"020 7{d(3)} {d(4)}", f"+49 30 {d(7)}",
        f"+49 (0)171 {d(7)}", f"0171 {d(7)}", f"+33 6 {d(2)} {d(2)} {d(2)} {d(2)}", f"06 {d(2)} {d(2)} {d(2)} {d(2)}", f"+34 6{d(2)} {d(3)} {d(3)}",
        f"+91 98{d(3)} {d(5)}", f"+81-3-{d(4)}-{d(4)}", f"+55 (11) 9{d(4)}-{d(4)}", f"+61 4{d(2)} {d(3)} {d(3)}", f"+86 138 {d(4)} {d(4)}",
    ])


def birth(rng):
    year, month, day = rng.randint(1940, 2005), rng.randint(1, 11), rng.randint(1, 28)
    return rng.choice([f"{year}-{month:02}-{day:02}", f"{month:02}/{day:02}/{year}", f"{day:02}.{month:02}.{year}", f"{MONTHS[month - 1]} {day}, {year}", f"{day} {MONTHS[month - 1]} {year}"])


def passport(rng):
    return rng.choice([ids.digits(rng, 9), f"C{ids.digits(rng, 8)}", f"{ids.chars(rng, ids.UPPER, 1)}{ids.digits(rng, 7)}", f"{ids.chars(rng, ids.UPPER, 2)}{ids.digits(rng, 7)}"])


def national_id(rng):
    """A national id and words that say what it is; those with their own shape stand alone, too."""
    return rng.choice([
        (ids.nino, "my National Insurance number is {}"), (ids.nhs, "NHS number {}"), (ids.sin, "SIN: {}"), (ids.dni, "mi DNI es {}"),
        (ids.nie, "NIE {}"), (ids.codice_fiscale, "codice fiscale {}"), (ids.cpf, "CPF {}"), (ids.cnpj, "CNPJ: {}"), (ids.aadhaar, "Aadhaar {}"),
        (ids.pan, "PAN card number {}"), (ids.chinese_id, "身份证号 {}"), (ids.nir, "numéro de sécurité sociale {}"), (ids.personnummer, "personnummer {}"),
        (ids.pesel, "PESEL {}"), (ids.bsn, "BSN {}"),
    ])


def person(rng):
    return f"{rng.choice(NAMES)} {rng.choice(FAMILIES)}"


KINDS = {
    "PII_CREDIT_CARD": (ids.card, ["Please charge my card {}, exp 09/27.", "card_number: {}", '{{"pan": "{}", "cvv": "123"}}', "I paid with {} yesterday but it failed", "CC {} for {name}", "{}"]),
    "PII_SSN": (ids.ssn, ["My social security number is {}.", "SSN: {}", "{name}, SSN {}, lives in Ohio", '{{"ssn":"{}"}}', "Employee {name} ({}) needs a W-2.", "SSN={}"]),
    "PII_EMAIL": (email, ["Write to {} please.", "From: {name} <{}>", '"contact": "{}"', "My mail is {}, thanks!", "mailto:{}", "users: [{}, admin]", "cc {}; bcc nobody"]),
    "PII_PHONE": (phone, ["Call me at {}.", "Phone: {}", "{name}, mobile {}, prefers mornings", '"phone": "{}"', "You can reach me under {} after six", "Tel. {}"]),
    "PII_IBAN": (ids.iban, ["Send the money to {}.", "IBAN {}", "Kontoinhaber {name}, IBAN: {}", '"iban": "{}"', "Please use account {} for the refund"]),
    "PII_IP_ADDRESS": (lambda rng: rng.choice([ids.ipv4, ids.ipv4, ids.ipv6])(rng), ["Login from {} was blocked.", "client_ip={}", "remote address {} port 443", '"ip": "{}"', "The host {} does not answer."]),
    "PII_CRYPTO_WALLET": (lambda rng: rng.choice([ids.bitcoin, ids.bech32, lambda r: "0x" + ids.chars(r, ids.HEX, 40)])(rng), ["Send BTC or ETH to my wallet {}", "donations: wallet address {}", "My wallet is {}."]),
    "PII_DATE_OF_BIRTH": (birth, ["{name} was born on {}.", "DOB: {}", "date of birth {}", '"date_of_birth": "{}"', "Geburtsdatum: {}", "My birthday is {}.", "Patient {name}, d.o.b. {}"]),
    "PII_PASSPORT": (passport, ["My passport number is {}.", "Passport No. {}", "passport: {}", "Reisepassnummer {}"]),
}


def positives(rng, count):
    for _ in range(count):
        kind = rng.choice([*KINDS, "PII_NATIONAL_ID", "PII_NATIONAL_ID"])
        if kind == "PII_NATIONAL_ID":
            make, sentence = national_id(rng)
            yield kind, sentence.format(make(rng))
            continue
        make, sentences = KINDS[kind]
        yield kind, rng.choice(sentences).format(make(rng), name=person(rng))


def negatives(rng, count):
    d = lambda n: ids.digits(rng, n)
    make = [
        lambda: f"Order {ids.card(rng, valid=False)} has shipped.", lambda: f"The id {ids.no_ssn(rng)} is a test value.", lambda: f"IBAN {ids.iban(rng, valid=False)} was rejected by the bank.",
        lambda: f"Invoice 2024-{d(4)} of 2024-0{rng.randint(1, 9)}-1{rng.randint(0, 9)} over {d(3)}.{d(2)} EUR", lambda: f"timestamp=17{d(11)} level=info msg=started", lambda: f"ISBN {ids.isbn13(rng)} is out of print.",
        lambda: f"Use lodash@4.17.{rng.randint(1, 30)} and react@18.{rng.randint(0, 3)}.0.", lambda: f"git clone git@github.com:acme/repo-{d(2)}.git", lambda: f"commit {ids.chars(rng, ids.HEX, 40)} fixes the race",
        lambda: f"trace {ids.uuid(rng)} took {rng.randint(1, 999)} ms", lambda: f"Version 10.0.{rng.randint(10000, 22000)}.{rng.randint(1, 3000)} of Windows", lambda: f"v{rng.randint(1, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 20)} was released on 2024-0{rng.randint(1, 9)}-0{rng.randint(1, 9)}.",
        lambda: f"The meeting is on {rng.choice(MONTHS)} {rng.randint(1, 28)}, {rng.randint(2023, 2026)} at 10:30.", lambda: f"Coordinates 48.{d(4)}, 11.{d(4)}", lambda: f"sha256:{ids.chars(rng, ids.HEX, 64)}", lambda: f"Part no. {ids.chars(rng, ids.UPPER, 3)}-{d(3)}-{d(4)} costs {d(2)}.99",
        lambda: "Listen on 127.0.0.1:8080 or 0.0.0.0, netmask 255.255.255.0.", lambda: f"tracking number 1Z{ids.chars(rng, ids.UPPER + ids.DIGITS, 16)}", lambda: f"The transaction hash is 0x{ids.chars(rng, ids.HEX, 64)}", lambda: f"CPF {ids.cpf(rng, valid=False)} is not valid", lambda: f"Aadhaar {ids.aadhaar(rng, valid=False)} fails the checksum",
        lambda: f"mi DNI {ids.dni(rng, valid=False)} tiene una letra mala", lambda: f"The score was {rng.randint(0, 9)}-{rng.randint(0, 9)} after {rng.randint(60, 90)} minutes.", lambda: f"Room {d(3)}, floor {rng.randint(1, 40)}, building {rng.choice('ABC')}", lambda: f"Measured {d(1)}.{d(6)} s over {d(5)} runs, p99 {d(3)} us", lambda: "Follow @rustlang and @openai for news, or use #rust.",
        lambda: f"wallet {ids.broken_bitcoin(rng)} has a wrong checksum", lambda: f"SKU {d(12)} qty {rng.randint(1, 50)}", lambda: f"The icon is logo@2x.png, {rng.randint(10, 99)} KB", lambda: f"SELECT * FROM t WHERE id = {d(9)} LIMIT {d(2)}", lambda: f"ERR-{d(4)}-{d(4)}: retry after {d(2)} s", lambda: f"pages {d(2)}-{d(3)}, volume {d(2)}, number {d(1)}",
        lambda: f"The population grew from {d(1)},{d(3)},{d(3)} to {d(2)},{d(3)},{d(3)}.", lambda: f"rgb(12, 200, {rng.randint(0, 255)}) and #{ids.chars(rng, ids.HEX, 6)}", lambda: f"epoch {d(6)} loss 0.{d(6)} acc 0.{d(4)}", lambda: f"bytes {d(6)}-{d(7)}/{d(8)}",
    ]
    for at in range(count):
        yield None, make[at % len(make)]()
