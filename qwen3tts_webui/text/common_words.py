"""The most common words and greetings of the languages that put spaces between words, and their distinctive letters.

Data only: evidence for telling the six languages in Latin script apart, and places to breathe. A word that is as common
in another of the six ("in", "a", "no") is left out where it would mislead.
"""

_WORDS = {
    "en": """the and of to is are was were be been it you he she they we this that these those with for not have has had
        do does did will would can could should from by at my your his her their our what when where who how there here
        if or as but so than then over through under until before after while because into onto without very just
        about out up down voice please hello hi no good morning thanks thank yes some any all more most one two""",
    "de": """der die das und ist nicht ein eine einen einem einer ich du er sie wir ihr es sind war hat haben mit von zu
        zum zur den dem des auf für im aus bei nach wie was wer wo wenn auch nur noch schon sehr aber oder dass sich
        mein dein kein heute guten tag morgen abend hallo danke bitte ja nein wird werden kann stimme""",
    "fr": """le la les un une des et est pas je tu il elle nous vous ils elles du de au aux ce cette ces que qui quoi
        dans sur avec pour par mais ou où ne se son sa ses mon ma mes ton ta tes plus très bien tout tous être avoir ont
        sont était fait bonjour bonsoir salut merci oui non aujourd hui voix comme""",
    "pt": """o os um uma uns umas de do da dos das em no na nos nas e é não que com para por se mais mas como eu você
        ele ela nós eles elas meu minha seu sua isso este esta está são foi ser tem muito bem já também ao à quando onde
        olá oi bom boa dia tarde noite obrigado obrigada sim hoje voz""",
    "es": """el la los las un una unos unas de del y en es no que con para por se más pero como yo tú él ella nosotros
        ellos mi tu su esto este esta está son fue ser tiene muy bien ya también al cuando donde dónde hola buenos
        buenas días tardes noches gracias sí hoy hay lo le les si voz señor""",
    "it": """il lo la i gli le un uno una di del della dei delle e è in non che con per si più ma come io tu lui lei noi
        voi loro mio mia suo sua questo questa sono era essere ha hanno molto bene già anche al alla quando dove ciao
        buon buongiorno buona buonasera sera grazie sì oggi nel nella ogni voce""",
    "ru": """и в на не что с как по но за от из у к ко до для о об это этот эта он она мы вы они я ты его её их был
        была были или если когда где чтобы при без через над под перед который которая которые""",
}

COMMON_WORDS: dict[str, frozenset[str]] = {code: frozenset(words.split()) for code, words in _WORDS.items()}

DISTINCTIVE_LETTERS: dict[str, str] = {"de": "äöüß", "fr": "êîûœùë", "pt": "ãõ", "es": "ñ¿¡", "it": "ìò"}
