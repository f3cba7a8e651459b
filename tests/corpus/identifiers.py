"""Made-up identifiers with true check digits, and their near misses.

Owns the arithmetic of check digits, written apart from the gate's own validators so that the two can disagree. Every
function takes the `random.Random` that makes the corpus repeatable.
"""

import hashlib

B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER = UPPER.lower()
DIGITS = "0123456789"
ALNUM = UPPER + LOWER + DIGITS
HEX = "0123456789abcdef"


def chars(rng, alphabet, count):
    return "".join(rng.choice(alphabet) for _ in range(count))


def digits(rng, count):
    return chars(rng, DIGITS, count)


def luhn_digit(body):
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def other_digit(rng, digit):
    return str((int(digit) + rng.randint(1, 9)) % 10)


def grouped(text, sizes, separator):
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return separator.join(parts)


CARDS = [("4", 16), ("51", 16), ("55", 16), ("2223", 16), ("34", 15), ("37", 15), ("6011", 16), ("3530", 16), ("36", 14)]


def card(rng, valid=True):
    prefix, length = rng.choice(CARDS)
    body = prefix + digits(rng, length - 1 - len(prefix))
    check = luhn_digit(body)
    number = body + (check if valid else other_digit(rng, check))
    sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}[length]
    return grouped(number, sizes, rng.choice(["", " ", "-"]))


def ssn(rng):
    area = rng.choice([rng.randint(1, 665), rng.randint(667, 899)])
    return f"{area:03}-{rng.randint(1, 99):02}-{rng.randint(1, 9999):04}"


def no_ssn(rng):
    area, group, serial = rng.choice([("000", "12", "3456"), ("666", "12", "3456"), ("912", "34", "5678"), ("123", "00", "4567"), ("123", "45", "0000")])
    return f"{area}-{group}-{serial}"


IBANS = {
    "DE": lambda r: digits(r, 18), "GB": lambda r: chars(r, UPPER, 4) + digits(r, 14), "FR": lambda r: digits(r, 23),
    "ES": lambda r: digits(r, 20), "IT": lambda r: chars(r, UPPER, 1) + digits(r, 22), "NL": lambda r: chars(r, UPPER, 4) + digits(r, 10),
    "CH": lambda r: digits(r, 17), "AT": lambda r: digits(r, 16), "BE": lambda r: digits(r, 12), "PL": lambda r: digits(r, 24),
    "SE": lambda r: digits(r, 20), "PT": lambda r: digits(r, 21),
}


def iban(rng, valid=True):
    country = rng.choice(sorted(IBANS))
    body = IBANS[country](rng)
    number = "".join(str(int(char, 36)) for char in body + country + "00")
    check = 98 - int(number) % 97
    if not valid:
        check = (check - 2 + rng.randint(1, 95)) % 96 + 2
    text = f"{country}{check:02}{body}"
    return text if rng.random() < 0.5 else grouped(text, [4] * (-(-len(text) // 4)), " ").strip()


def b58check(payload):
    data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = B58[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def bitcoin(rng):
    kind = rng.choice([b"\x00", b"\x05"])
    return b58check(kind + rng.randbytes(20))


def broken_bitcoin(rng):
    text = bitcoin(rng)
    at = rng.randrange(8, len(text))
    return text[:at] + rng.choice([char for char in B58 if char != text[at]]) + text[at + 1 :]


def bech32(rng):
    hrp, data = "bc", [0]
    bits, held = 0, 0
    for byte in rng.randbytes(20):
        held, bits = held << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            data.append(held >> bits & 31)
    values = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + data + [0] * 6
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    data += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return hrp + "1" + "".join(BECH32[value] for value in data)


def verhoeff_digit(body):
    d = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
         [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
         [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]
    p = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    while len(p) < 8:
        p.append([p[-1][p[1][i]] for i in range(10)])
    check = 0
    for place, digit in enumerate(reversed(body)):
        check = d[check][p[(place + 1) % 8][int(digit)]]
    return str(d[check].index(0))


def aadhaar(rng, valid=True):
    body = rng.choice("23456789") + digits(rng, 10)
    check = verhoeff_digit(body)
    return grouped(body + (check if valid else other_digit(rng, check)), (4, 4, 4), " ")


def cpf(rng, valid=True):
    body = digits(rng, 9)
    for _ in range(2):
        weight = len(body) + 1
        rest = sum(int(digit) * (weight - at) for at, digit in enumerate(body)) * 10 % 11
        body += str(rest % 10)
    if not valid:
        body = body[:-1] + other_digit(rng, body[-1])
    return f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"


def cnpj(rng):
    body = digits(rng, 8) + "0001"
    for weights in ([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]):
        rest = sum(int(digit) * weight for digit, weight in zip(body, weights)) % 11
        body += str(0 if rest < 2 else 11 - rest)
    return f"{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:12]}-{body[12:]}"


def dni(rng, valid=True):
    number = rng.randint(10_000_000, 99_999_999)
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    at = number % 23 if valid else (number + rng.randint(1, 22)) % 23
    return f"{number}{letters[at]}"


def nie(rng):
    first = rng.choice("XYZ")
    number = rng.randint(1_000_000, 9_999_999)
    return f"{first}{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[int(str('XYZ'.index(first)) + str(number)) % 23]}"


def codice_fiscale(rng):
    odd = {**{str(n): v for n, v in enumerate([1, 0, 5, 7, 9, 13, 15, 17, 19, 21])},
           **dict(zip(UPPER, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))}
    consonants = "BCDFGLMNPRSTV"
    body = chars(rng, consonants, 6) + f"{rng.randint(40, 99)}" + rng.choice("ABCDEHLMPRST") + f"{rng.randint(1, 28):02}" + rng.choice("ABCDEFGHIL") + f"{rng.randint(1, 999):03}"
    total = sum(odd[char] if place % 2 == 0 else (int(char) if char in DIGITS else UPPER.index(char)) for place, char in enumerate(body))
    return body + UPPER[total % 26]


def chinese_id(rng, valid=True):
    body = rng.choice(["110101", "310115", "440305", "510107"]) + f"{rng.randint(1950, 2004)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}" + digits(rng, 3)
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    at = sum(int(digit) * weight for digit, weight in zip(body, weights)) % 11
    return body + "10X98765432"[at if valid else (at + rng.randint(1, 10)) % 11]


def nir(rng):
    body = rng.choice("12") + f"{rng.randint(40, 99)}{rng.randint(1, 12):02}" + f"{rng.choice([13, 33, 59, 69, 75]):02}" + f"{rng.randint(1, 990):03}{rng.randint(1, 990):03}"
    check = 97 - int(body) % 97
    return grouped(f"{body}{check:02}", (1, 2, 2, 2, 3, 3, 2), " ")


def sin(rng):
    body = rng.choice("1234567") + digits(rng, 7)
    return grouped(body + luhn_digit(body), (3, 3, 3), rng.choice([" ", "-"]))


def nino(rng):
    first, second = rng.choice("ABCEGHJKLMNPRSTWXYZ"), rng.choice("ABCEGHJKLMNPRSTWXYZ")
    if first + second in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}:
        first, second = "A", "B"
    number = digits(rng, 6)
    style = rng.choice(["{a}{b}{n}{s}", "{a}{b} {n2} {s}"])
    return style.format(a=first, b=second, n=number, n2=grouped(number, (2, 2, 2), " "), s=rng.choice("ABCD"))


def pan(rng):
    return chars(rng, UPPER, 3) + rng.choice("PCHFATBLJG") + rng.choice(UPPER) + digits(rng, 4) + rng.choice(UPPER)


def personnummer(rng):
    date = f"{rng.randint(40, 99)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    serial = digits(rng, 3)
    return f"19{date}-{serial}{luhn_digit(date + serial)}"


def pesel(rng):
    body = f"{rng.randint(50, 99)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}" + digits(rng, 4)
    total = sum(int(digit) * weight for digit, weight in zip(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]))
    return body + str(-total % 10)


def bsn(rng):
    while True:
        body = rng.choice("123456789") + digits(rng, 7)
        rest = sum(int(digit) * weight for digit, weight in zip(body, range(9, 1, -1))) % 11
        if rest < 10:
            return body + str(rest)


def nhs(rng):
    while True:
        body = rng.choice("4679") + digits(rng, 8)
        check = 11 - sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1))) % 11
        if check != 10:
            return grouped(body + str(check % 11), (3, 3, 4), " ")


def isbn13(rng):
    body = "978" + digits(rng, 9)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)


def uuid(rng):
    return grouped(chars(rng, HEX, 32), (8, 4, 4, 4, 12), "-")


def ipv4(rng):
    return f"{rng.choice([23, 34, 51, 81, 93, 104, 151, 185, 203])}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def ipv6(rng):
    style = rng.random()
    words = [f"{rng.randint(0x10, 0xFFFF):x}" for _ in range(8)]
    words[0] = rng.choice(["2001", "2a02", "2606", "2400"])
    if style < 0.5:
        return ":".join(words)
    return ":".join(words[:3]) + "::" + ":".join(words[6:])
