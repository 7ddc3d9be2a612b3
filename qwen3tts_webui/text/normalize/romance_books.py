"""The books of the Bible in French, Spanish, Portuguese and Italian, by their short names."""

from __future__ import annotations

from qwen3tts_webui.text.normalize.numbers import words

_BOOKS = {
    "fr": """
        Gn = Genèse
        Ex = Exode
        Lv = Lévitique
        Nb = Nombres
        Dt = Deutéronome
        Jos = Josué
        Ps = Psaume
        Psaume = Psaume
        Pr = Proverbes
        Is = Isaïe
        Jr = Jérémie
        Ez = Ézéchiel
        Dn = Daniel
        Mt = Matthieu
        Matthieu = Matthieu
        Mc = Marc
        Marc = Marc
        Lc = Luc
        Luc = Luc
        Jn = Jean
        Jean = Jean
        Ac = Actes
        Actes = Actes
        Rm = Romains
        Romains = Romains
        Co = Corinthiens
        Corinthiens = Corinthiens
        Ga = Galates
        Ep = Éphésiens
        Ph = Philippiens
        Hé = Hébreux
        He = Hébreux
        Jc = Jacques
        Ap = Apocalypse
    """,
    "es": """
        Gn = Génesis
        Gén = Génesis
        Génesis = Génesis
        Ex = Éxodo
        Éx = Éxodo
        Lv = Levítico
        Nm = Números
        Dt = Deuteronomio
        Jos = Josué
        Sal = Salmo
        Salmo = Salmo
        Prov = Proverbios
        Pr = Proverbios
        Is = Isaías
        Jer = Jeremías
        Jr = Jeremías
        Ez = Ezequiel
        Dn = Daniel
        Mt = Mateo
        Mateo = Mateo
        Mc = Marcos
        Mr = Marcos
        Marcos = Marcos
        Lc = Lucas
        Lucas = Lucas
        Jn = Juan
        Juan = Juan
        Hch = Hechos
        Rm = Romanos
        Rom = Romanos
        Romanos = Romanos
        Co = Corintios
        Cor = Corintios
        Corintios = Corintios
        Gal = Gálatas
        Ef = Efesios
        Flp = Filipenses
        Heb = Hebreos
        Ap = Apocalipsis
    """,
    "pt": """
        Gn = Gênesis
        Gênesis = Gênesis
        Êx = Êxodo
        Ex = Êxodo
        Lv = Levítico
        Nm = Números
        Dt = Deuteronômio
        Js = Josué
        Sl = Salmo
        Salmo = Salmo
        Pv = Provérbios
        Is = Isaías
        Jr = Jeremias
        Ez = Ezequiel
        Dn = Daniel
        Mt = Mateus
        Mateus = Mateus
        Mc = Marcos
        Marcos = Marcos
        Lc = Lucas
        Lucas = Lucas
        Jo = João
        João = João
        At = Atos
        Rm = Romanos
        Romanos = Romanos
        Co = Coríntios
        Coríntios = Coríntios
        Gl = Gálatas
        Ef = Efésios
        Fp = Filipenses
        Hb = Hebreus
        Tg = Tiago
        Ap = Apocalipse
    """,
    "it": """
        Gen = Genesi
        Gn = Genesi
        Es = Esodo
        Lv = Levitico
        Nm = Numeri
        Dt = Deuteronomio
        Gs = Giosuè
        Sal = Salmo
        Salmo = Salmo
        Pr = Proverbi
        Is = Isaia
        Ger = Geremia
        Ez = Ezechiele
        Dn = Daniele
        Mt = Matteo
        Matteo = Matteo
        Mc = Marco
        Marco = Marco
        Lc = Luca
        Luca = Luca
        Gv = Giovanni
        Giovanni = Giovanni
        At = Atti
        Rm = Romani
        Romani = Romani
        Cor = Corinzi
        Corinzi = Corinzi
        Gal = Galati
        Ef = Efesini
        Fil = Filippesi
        Eb = Ebrei
        Ap = Apocalisse
    """,
}


def books_of(language: str) -> dict[str, str]:
    """Every short or full name -> the name that is spoken."""
    return words(_BOOKS[language])
