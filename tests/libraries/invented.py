"""A library of thirty invented papers on three topics, written in the four formats that people export."""

from __future__ import annotations

import csv
import io
import json

_TOPICS: dict[str, tuple[str, ...]] = {
    "bees": (
        "Waggle Dances of Honeybee Colonies under Clouded Skies",
        "Pollen Foraging and Nectar Stores in Honeybee Hives",
        "Queen Pheromones Steer Honeybee Swarming",
        "Varroa Mites and Winter Losses of Honeybee Colonies",
        "Honeybee Foragers Remember Flower Colours",
        "Hive Temperature Regulation by Honeybee Workers",
        "Bumblebee and Honeybee Pollination of Orchards",
        "Honeybee Larvae Fed with Royal Jelly Become Queens",
        "Acoustic Monitoring of Honeybee Hives",
        "Pesticide Traces in Honeybee Pollen Baskets",
    ),
    "bridges": (
        "Wind Loads on Long Suspension Bridges",
        "Fatigue Cracks in Steel Bridge Girders",
        "Cable Corrosion in Suspension Bridges of the Coast",
        "Scour around Bridge Piers in Flooding Rivers",
        "Concrete Creep in Prestressed Bridge Decks",
        "Seismic Isolation of Bridge Piers by Rubber Bearings",
        "Vibration of Footbridge Decks under Walking Crowds",
        "Load Tests of Old Masonry Arch Bridges",
        "Strain Sensors for Steel Bridge Inspection",
        "Flutter of Suspension Bridge Decks in Strong Wind",
    ),
    "galaxies": (
        "Star Formation in Dwarf Galaxies near the Milky Way",
        "Dark Matter Halos of Spiral Galaxies",
        "Black Holes at the Centres of Elliptical Galaxies",
        "Redshift Catalogues of Distant Galaxies",
        "Gas Inflow and Star Formation in Barred Spiral Galaxies",
        "Mergers of Galaxies in Rich Clusters",
        "Dust Lanes and Starlight of Edge-on Galaxies",
        "Rotation Curves of Dwarf Galaxies and Dark Matter",
        "Supernova Rates in Spiral Galaxies",
        "Gravitational Lensing by Galaxy Clusters",
    ),
}
_ABOUT = {
    "bees": "We watch honeybee colonies in their hives, count foragers and pollen, and follow the queen.",
    "bridges": "We measure bridge decks, piers and cables under wind load, with strain sensors on steel.",
    "galaxies": "We observe spiral and dwarf galaxies, and model star formation and dark matter halos.",
}
FIRST_AUTHOR = {"bees": "Ada Brook", "bridges": "Ben Arch", "galaxies": "Cleo Night"}
TITLES = tuple(title for titles in _TOPICS.values() for title in titles)


def topic_of(title: str) -> str:
    return next(name for name, titles in _TOPICS.items() if title in titles)


def _rows() -> list[dict[str, str]]:
    rows = []
    for number, title in enumerate(TITLES):
        topic = topic_of(title)
        rows.append(
            {
                "title": title,
                "abstract": _ABOUT[topic],
                "author": FIRST_AUTHOR[topic],
                "id": f"2602.{90000 + number:05d}",
                "tag": topic,
            }
        )
    return rows


def bibtex() -> str:
    return "\n".join(
        f"@misc{{k{r['id'][-3:]},\n title = {{{r['title']}}},\n author = {{{r['author']}}},\n"
        f" abstract = {{{r['abstract']}}},\n keywords = {{{r['tag']}}},\n note = {{arXiv:{r['id']} [cs]}}\n}}"
        for r in _rows()
    )


def ris() -> str:
    return "".join(
        f"TY  - GEN\nTI  - {r['title']}\nAU  - {r['author'].split()[1]}, {r['author'].split()[0]}\n"
        f"AB  - {r['abstract']}\nKW  - {r['tag']}\nDO  - 10.48550/arXiv.{r['id']}\nER  - \n\n"
        for r in _rows()
    )


def csl() -> str:
    return json.dumps(
        [
            {
                "id": r["id"],
                "type": "article",
                "title": r["title"],
                "abstract": r["abstract"],
                "author": [{"given": r["author"].split()[0], "family": r["author"].split()[1]}],
                "DOI": f"10.48550/arXiv.{r['id']}",
            }
            for r in _rows()
        ]
    )


def table() -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["Title", "Author", "Abstract Note", "Url", "Manual Tags"])
    for r in _rows():
        rows.writerow([r["title"], r["author"], r["abstract"], f"https://arxiv.org/abs/{r['id']}", r["tag"]])
    return written.getvalue()


FORMS = {"library.bib": bibtex, "library.ris": ris, "library.json": csl, "library.csv": table}
