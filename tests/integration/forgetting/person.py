"""A shop with a history in which one person stands everywhere where records may stand."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import Shop

KEY = "4242424"
NAME, MAIL, DAY = "Zénobie Quatorzelle", "zenobie.q@exemple.fr", "1971-03-09"
VALUES = (KEY, NAME, NAME.upper(), MAIL, "Quatorzelle")
"""What stands in no other record."""
CLIENTS = f"""id_client,nom,email,date_inscription,pays
1,Ada,ada@exemple.fr,2024-01-01,France
2,Bob,bob@exemple.fr,2024-02-01,Uk
{KEY},{NAME},{MAIL},2024-03-09,France
"""
ACHATS = f"""id_achat,id_client,date_achat,montant,produit
10,1,2025-01-05,100.00,souris
11,1,2025-02-05,200.50,clavier
12,2,2025-02-06,50.00,souris
13,{KEY},2025-02-07,70.00,souris
14,{KEY},2025-03-09,30.00,webcam
"""
MORE = f"""id_achat,id_client,date_achat,montant,produit
20,1,2025-03-05,10.00,souris
13,{KEY},2025-02-07,75.00,clavier
21,{KEY},2025-02-07,-5,souris
22,{KEY},2025-02-07,12.00,souris,{NAME}
23,2,2025-02-07,12.00,souris
"""
"""A record that outranks another, a rejected one, and a malformed one."""
FILLING = "".join(f"{n},1,2025-05-{n % 28 + 1:02d},10.00,souris\n" for n in range(100, 160))
"""Beside so many records a malformed one does not let its file be refused."""
REFUSED = f"id_client,nom,pays\n{KEY},{NAME},France\n"
"""A file without a column that it must have: it is quarantined, and a copy is kept."""


def live(shop: Shop) -> None:
    """Let the shop have three releases, a retracted file, a replaced one, a refused one, and a rollback."""
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    shop.put("achats-2.csv", MORE + FILLING)
    shop.put("clients-3.csv", REFUSED)
    shop.run()
    shop.put("achats.csv", ACHATS.replace("100.00", "110.00"))
    shop.put("achats-4.csv", MORE.replace("\n2", "\n3").replace("\n13", "\n39") + FILLING)
    shop.put("achats-6.csv", MORE.replace("souris", "clavier"))
    shop.run()
    shop.filon("retract", "--yes", "achats-4.csv")
    shop.run()


def forget(shop: Shop, *options: str, key: str = KEY) -> dict[str, Any]:
    """Forget the person; the report."""
    report: dict[str, Any] = shop.json("forget", "clients", "--key", key, "--reason", "asked to", "--yes", *options)
    return report
