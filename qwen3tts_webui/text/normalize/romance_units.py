"""Units and currencies of French, Spanish, Portuguese and Italian: one line per sign, one column per language."""

from __future__ import annotations

from qwen3tts_webui.text.normalize.numbers import Noun, noun, nouns

LANGUAGES = ("fr", "es", "pt", "it")

_UNITS = """
km = kilomètre|kilomètres ; kilómetro|kilómetros ; quilômetro|quilômetros ; chilometro|chilometri
m = mètre|mètres ; metro|metros ; metro|metros ; metro|metri
cm = centimètre|centimètres ; centímetro|centímetros ; centímetro|centímetros ; centimetro|centimetri
mm = millimètre|millimètres ; milímetro|milímetros ; milímetro|milímetros ; millimetro|millimetri
μg µg mcg = microgramme|microgrammes ; microgramo|microgramos ; micrograma|microgramas ; microgrammo|microgrammi
l/100_km l/100km L/100_km L/100km = litre aux cent kilomètres|litres aux cent kilomètres ; litro a los cien kilómetros|litros a los cien kilómetros ; litro por cem quilômetros|litros por cem quilômetros ; litro per cento chilometri|litri per cento chilometri
mmHg = millimètres de mercure ; milímetros de mercurio ; milímetros de mercúrio ; millimetri di mercurio
pp p.p. = point de pourcentage|points de pourcentage ; punto porcentual|puntos porcentuales ; ponto percentual|pontos percentuais ; punto percentuale|punti percentuali
μm µm = micromètre|micromètres ; micrómetro|micrómetros ; micrômetro|micrômetros ; micrometro|micrometri
nm = nanomètre|nanomètres ; nanómetro|nanómetros ; nanômetro|nanômetros ; nanometro|nanometri
km/h = kilomètre heure|kilomètres heure ; kilómetro por hora|kilómetros por hora ; quilômetro por hora|quilômetros por hora ; chilometro orario|chilometri orari
m/s = mètre par seconde|mètres par seconde ; metro por segundo|metros por segundo ; metro por segundo|metros por segundo ; metro al secondo|metri al secondo
kg = kilogramme|kilogrammes ; kilogramo|kilogramos ; quilograma|quilogramas ; chilogrammo|chilogrammi
g = gramme|grammes ; gramo|gramos ; grama|gramas ; grammo|grammi
mg = milligramme|milligrammes ; miligramo|miligramos ; miligrama|miligramas ; milligrammo|milligrammi
t = tonne|tonnes:f ; tonelada|toneladas:f ; tonelada|toneladas:f ; tonnellata|tonnellate:f
l L = litre|litres ; litro|litros ; litro|litros ; litro|litri
ml mL = millilitre|millilitres ; mililitro|mililitros ; mililitro|mililitros ; millilitro|millilitri
cl = centilitre|centilitres ; centilitro|centilitros ; centilitro|centilitros ; centilitro|centilitri
m² m2 mq = mètre carré|mètres carrés ; metro cuadrado|metros cuadrados ; metro quadrado|metros quadrados ; metro quadrato|metri quadrati
km² km2 = kilomètre carré|kilomètres carrés ; kilómetro cuadrado|kilómetros cuadrados ; quilômetro quadrado|quilômetros quadrados ; chilometro quadrato|chilometri quadrati
cm² cm2 = centimètre carré|centimètres carrés ; centímetro cuadrado|centímetros cuadrados ; centímetro quadrado|centímetros quadrados ; centimetro quadrato|centimetri quadrati
m³ m3 mc = mètre cube|mètres cubes ; metro cúbico|metros cúbicos ; metro cúbico|metros cúbicos ; metro cubo|metri cubi
cm³ cm3 = centimètre cube|centimètres cubes ; centímetro cúbico|centímetros cúbicos ; centímetro cúbico|centímetros cúbicos ; centimetro cubo|centimetri cubi
°C ℃ = degré Celsius|degrés Celsius ; grado Celsius|grados Celsius ; grau Celsius|graus Celsius ; grado Celsius|gradi Celsius
°F ℉ = degré Fahrenheit|degrés Fahrenheit ; grado Fahrenheit|grados Fahrenheit ; grau Fahrenheit|graus Fahrenheit ; grado Fahrenheit|gradi Fahrenheit
° = degré|degrés ; grado|grados ; grau|graus ; grado|gradi
h = heure|heures:f ; hora|horas:f ; hora|horas:f ; ora|ore:f
min = minute|minutes:f ; minuto|minutos ; minuto|minutos ; minuto|minuti
s sec seg = seconde|secondes:f ; segundo|segundos ; segundo|segundos ; secondo|secondi
ms = milliseconde|millisecondes:f ; milisegundo|milisegundos ; milissegundo|milissegundos ; millisecondo|millisecondi
Ko KB kB = kilooctet|kilooctets ; kilobyte|kilobytes ; quilobyte|quilobytes ; kilobyte|kilobyte
Mo MB = mégaoctet|mégaoctets ; megabyte|megabytes ; megabyte|megabytes ; megabyte|megabyte
Go GB = gigaoctet|gigaoctets ; gigabyte|gigabytes ; gigabyte|gigabytes ; gigabyte|gigabyte
To TB = téraoctet|téraoctets ; terabyte|terabytes ; terabyte|terabytes ; terabyte|terabyte
Mbit/s Mbps Mb/s = mégabit par seconde|mégabits par seconde ; megabit por segundo|megabits por segundo ; megabit por segundo|megabits por segundo ; megabit al secondo|megabit al secondo
Gbit/s Gbps Gb/s = gigabit par seconde|gigabits par seconde ; gigabit por segundo|gigabits por segundo ; gigabit por segundo|gigabits por segundo ; gigabit al secondo|gigabit al secondo
Hz = hertz ; hercio|hercios ; hertz ; hertz
kHz = kilohertz ; kilohercio|kilohercios ; quilohertz ; kilohertz
MHz = mégahertz ; megahercio|megahercios ; megahertz ; megahertz
GHz = gigahertz ; gigahercio|gigahercios ; gigahertz ; gigahertz
W = watt|watts ; vatio|vatios ; watt|watts ; watt
kW = kilowatt|kilowatts ; kilovatio|kilovatios ; quilowatt|quilowatts ; kilowatt
MW = mégawatt|mégawatts ; megavatio|megavatios ; megawatt|megawatts ; megawatt
CV cv ch = cheval|chevaux ; caballo|caballos ; cavalo|cavalos ; cavallo|cavalli
kWh = kilowattheure|kilowattheures ; kilovatio hora|kilovatios hora ; quilowatt-hora|quilowatts-hora ; chilowattora
V = volt|volts ; voltio|voltios ; volt|volts ; volt
ampère amperio ampere = ampère|ampères ; amperio|amperios ; ampere|amperes ; ampere
Ah = ampèreheure|ampèreheures ; amperio hora|amperios hora ; ampere-hora|amperes-hora ; amperora|amperore
kV = kilovolt|kilovolts ; kilovoltio|kilovoltios ; quilovolt|quilovolts ; kilovolt
mV = millivolt|millivolts ; milivoltio|milivoltios ; milivolt|milivolts ; millivolt
K = kelvin|kelvins ; kelvin|kelvins ; kelvin|kelvins ; kelvin
Ω = ohm|ohms ; ohmio|ohmios ; ohm|ohms ; ohm
km/s = kilomètre par seconde|kilomètres par seconde ; kilómetro por segundo|kilómetros por segundo ; quilômetro por segundo|quilômetros por segundo ; chilometro al secondo|chilometri al secondo
mA = milliampère|milliampères ; miliamperio|miliamperios ; miliampere|miliamperes ; milliampere
mAh = milliampèreheure|milliampèreheures ; miliamperio hora|miliamperios hora ; miliampere-hora|miliamperes-hora ; milliamperora|milliamperore
kJ = kilojoule|kilojoules ; kilojulio|kilojulios ; quilojoule|quilojoules ; kilojoule
kcal = kilocalorie|kilocalories:f ; kilocaloría|kilocalorías:f ; quilocaloria|quilocalorias:f ; chilocaloria|chilocalorie:f
hPa = hectopascal|hectopascals ; hectopascal|hectopascales ; hectopascal|hectopascais ; ettopascal
bar = bar|bars ; bar|bares ; bar|bares ; bar
dB = décibel|décibels ; decibelio|decibelios ; decibel|decibéis ; decibel
pers. = personne|personnes:f ; persona|personas:f ; pessoa|pessoas:f ; persona|persone:f
pess. = personne|personnes:f ; persona|personas:f ; pessoa|pessoas:f ; persona|persone:f
hab. hab ab. = habitant|habitants ; habitante|habitantes ; habitante|habitantes ; abitante|abitanti
bpm lpm bat./min = battement par minute|battements par minute ; latido por minuto|latidos por minuto ; batimento por minuto|batimentos por minuto ; battito al minuto|battiti al minuto
rpm tr/min = tour par minute|tours par minute ; revolución por minuto|revoluciones por minuto:f ; rotação por minuto|rotações por minuto:f ; giro al minuto|giri al minuto
comp. cp. cpr. cpr comp cps. cps = comprimé|comprimés ; comprimido|comprimidos ; comprimido|comprimidos ; compressa|compresse:f
UI U.I. = unité internationale|unités internationales:f ; unidad internacional|unidades internacionales:f ; unidade internacional|unidades internacionais:f ; unità internazionale|unità internazionali:f
mmol = millimole|millimoles:f ; milimol|milimoles ; milimol|milimols ; millimole|millimoli:f
dl dL = décilitre|décilitres ; decilitro|decilitros ; decilitro|decilitros ; decilitro|decilitri
hl hL = hectolitre|hectolitres ; hectolitro|hectolitros ; hectolitro|hectolitros ; ettolitro|ettolitri
dag = décagramme|décagrammes ; decagramo|decagramos ; decagrama|decagramas ; decagrammo|decagrammi
Mt = mégatonne|mégatonnes:f ; megatonelada|megatoneladas:f ; megatonelada|megatoneladas:f ; megatonnellata|megatonnellate:f
GW = gigawatt|gigawatts ; gigavatio|gigavatios ; gigawatt|gigawatts ; gigawatt
Wh = wattheure|wattheures ; vatio hora|vatios hora ; watt-hora|watts-hora ; wattora
MWh = mégawattheure|mégawattheures ; megavatio hora|megavatios hora ; megawatt-hora|megawatts-hora ; megawattora
GWh = gigawattheure|gigawattheures ; gigavatio hora|gigavatios hora ; gigawatt-hora|gigawatts-hora ; gigawattora
TWh = térawattheure|térawattheures ; teravatio hora|teravatios hora ; terawatt-hora|terawatts-hora ; terawattora
kWc kWp = kilowatt crête|kilowatts crête ; kilovatio pico|kilovatios pico ; quilowatt-pico|quilowatts-pico ; kilowatt di picco
kPa = kilopascal|kilopascals ; kilopascal|kilopascales ; quilopascal|quilopascais ; kilopascal
MPa = mégapascal|mégapascals ; megapascal|megapascales ; megapascal|megapascais ; megapascal
Nm N·m = newton mètre|newtons mètres ; newton metro|newtons metro ; newton-metro|newtons-metro ; newton metro
lm = lumen|lumens ; lumen|lúmenes ; lúmen|lúmens ; lumen
Mpx Mpix = mégapixel|mégapixels ; megapíxel|megapíxeles ; megapixel|megapixels ; megapixel
fps ips = image par seconde|images par seconde:f ; fotograma por segundo|fotogramas por segundo ; quadro por segundo|quadros por segundo ; fotogramma al secondo|fotogrammi al secondo
Mo/s MB/s = mégaoctet par seconde|mégaoctets par seconde ; megabyte por segundo|megabytes por segundo ; megabyte por segundo|megabytes por segundo ; megabyte al secondo|megabyte al secondo
m/s² = mètre par seconde carrée|mètres par seconde carrée ; metro por segundo al cuadrado|metros por segundo al cuadrado ; metro por segundo ao quadrado|metros por segundo ao quadrado ; metro al secondo quadrato|metri al secondo quadrato
ppm = partie par million|parties par million:f ; parte por millón|partes por millón:f ; parte por milhão|partes por milhão:f ; parte per milione|parti per milione:f
pb p.b. = point de base|points de base ; punto básico|puntos básicos ; ponto-base|pontos-base ; punto base|punti base
sem. = semaine|semaines:f ; semana|semanas:f ; semana|semanas:f ; settimana|settimane:f
pce pces = pièce|pièces:f ; pieza|piezas:f ; peça|peças:f ; pezzo|pezzi
pz. pz pzs. = pièce|pièces:f ; pieza|piezas:f ; peça|peças:f ; pezzo|pezzi
ud. uds. un. unid. = unité|unités:f ; unidad|unidades:f ; unidade|unidades:f ; unità:f
px = pixel|pixels ; píxel|píxeles ; pixel|pixels ; pixel
"""
_CURRENCIES = """
€ EUR = euro|euros ; euro|euros ; euro|euros ; euro
$ US$ USD = dollar|dollars ; dólar|dólares ; dólar|dólares ; dollaro|dollari
£ GBP = livre|livres:f ; libra|libras:f ; libra|libras:f ; sterlina|sterline:f
¥ JPY = yen|yens ; yen|yenes ; iene|ienes ; yen
CNY RMB = yuan|yuans ; yuan|yuanes ; yuan|yuans ; yuan
₽ RUB = rouble|roubles ; rublo|rublos ; rublo|rublos ; rublo|rubli
₩ = won|wons ; won|wones ; won|wons ; won
₹ = roupie|roupies:f ; rupia|rupias:f ; rupia|rupias:f ; rupia|rupie:f
R$ BRL = réal|réaux ; real|reales ; real|reais ; real|reais
MXN = peso mexicain|pesos mexicains ; peso mexicano|pesos mexicanos ; peso mexicano|pesos mexicanos ; peso messicano|pesos messicani
ARS = peso argentin|pesos argentins ; peso argentino|pesos argentinos ; peso argentino|pesos argentinos ; peso argentino|pesos argentini
COP = peso colombien|pesos colombiens ; peso colombiano|pesos colombianos ; peso colombiano|pesos colombianos ; peso colombiano|pesos colombiani
CHF = franc suisse|francs suisses ; franco suizo|francos suizos ; franco suíço|francos suíços ; franco svizzero|franchi svizzeri
"""
_CENTS = {
    "€": ("centime|centimes", "céntimo|céntimos", "centavo|centavos", "centesimo|centesimi"),
    "$": ("cent|cents", "centavo|centavos", "centavo|centavos", "centesimo|centesimi"),
    "£": ("penny|pence", "penique|peniques", "pêni|pence", "penny|pence"),
    "R$": ("centavo|centavos",) * 4,
    "MXN": ("centavo|centavos",) * 3 + ("centavo|centavi",),
    "ARS": ("centavo|centavos",) * 3 + ("centavo|centavi",),
    "COP": ("centavo|centavos",) * 3 + ("centavo|centavi",),
    "CHF": ("centime|centimes", "céntimo|céntimos", "cêntimo|cêntimos", "centesimo|centesimi"),
}


_OWN = {
    "fr": """
ha = hectare|hectares
j j. jrs = jour|jours
pt pts pt. pts. = point|points
c._à_s. c.à_s. c.à.s. càs c._à_soupe cuil._à_soupe CàS c._à_S. = cuillère à soupe|cuillères à soupe:f
c._à_c. c.à_c. c.à.c. càc c._à_café cuil._à_café CàC = cuillère à café|cuillères à café:f
cp = comprimé|comprimés
rép. rép = répétition|répétitions:f
gél. = gélule|gélules:f
kts nd = nœud|nœuds
""",
    "es": """
cda. cdas. = cucharada|cucharadas:f
cdta. cdtas. cdita. cditas. = cucharadita|cucharaditas:f
d. = día|días
pts pts. = punto|puntos
gts. = gota|gotas:f
cáps. = cápsula|cápsulas:f
""",
    "pt": """
ha = hectare|hectares
col. = colher|colheres:f
xíc. = xícara|xícaras:f
d. = dia|dias
pts pts. = ponto|pontos
cáps. = cápsula|cápsulas:f
gts. = gota|gotas:f
""",
    "it": """
gg gg. = giorno|giorni
pt pt. = punto|punti
qli q.li = quintale|quintali
gtt gtt. = goccia|gocce:f
""",
}


def units_of(language: str) -> dict[str, Noun]:
    """Every unit sign -> its noun."""
    return {sign: noun for signs, noun in _column(_UNITS, language) for sign in signs} | nouns(_OWN[language])


def currencies_of(language: str) -> dict[str, tuple[Noun, Noun | None]]:
    """Every currency sign and code -> its noun and that of its hundredth."""
    column = LANGUAGES.index(language)
    found: dict[str, tuple[Noun, Noun | None]] = {}
    for signs, unit in _column(_CURRENCIES, language):
        cents = _CENTS.get(signs[0])
        for sign in signs:
            found[sign] = (unit, noun(cents[column]) if cents else None)
    return found


def _column(table: str, language: str) -> list[tuple[list[str], Noun]]:
    column = LANGUAGES.index(language)
    rows = []
    for line in filter(str.strip, table.splitlines()):
        signs, _, columns = line.partition(" = ")
        rows.append(([sign.replace("_", " ") for sign in signs.split()], noun(columns.split(";")[column].strip())))
    return rows
