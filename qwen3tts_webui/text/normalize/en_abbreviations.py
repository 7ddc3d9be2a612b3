"""The abbreviations of English (see grammar.abbreviations), and the books of the Bible."""

from qwen3tts_webui.text.normalize.numbers import words

ABBREVIATIONS = """
Dr. = Doctor
Mr. = Mister
Mrs. = Missus
Ms. = Miz
Prof. = Professor
Gen. = General
Sen. = Senator
Gov. = Governor
Capt. = Captain
Lt. = Lieutenant
Sgt. = Sergeant
Maj. = Major
Col. = Colonel
Cpl. = Corporal
Adm. = Admiral
Cmdr. = Commander
Rep. = Representative
Pres. = President
Rev. = Reverend
Jr. = Junior
Sr. = Senior
Mt. = Mount
Apt. = apartment
Ave.$ = Avenue
Blvd.$ = Boulevard
Rd.$ = Road
e.g. = for example
E.g. = For example
I.e. = That is
eg. = for example
i.e. = that is
etc.$ = et cetera
y/o = years old
vs. = versus
vs = versus
approx. = approximately
dept. = department
Dept. = Department
est. = estimated
Rm. = Room
Blk. = Block
Mk.# = Mark
alt. = altitude
Inc.$ = Incorporated
Ltd.$ = Limited
Corp.$ = Corporation
No.# = number
no.# = number
Nos.# = numbers
Vol.# = Volume
vol.# = volume
Ch.# = Chapter
Chap.# = Chapter
fn.# = footnote
ll.# = lines
ch.# = chapter
Fig.# = Figure
fig.# = figure
p.# = page
pp.# = pages
ext. = extension
Fed. R. Civ. P. = Federal Rule of Civil Procedure
Fed. R. Crim. P. = Federal Rule of Criminal Procedure
Fed. R. Evid. = Federal Rule of Evidence
Ext. = extension
Tel. = telephone
bldg. = building
Bldg. = Building
Ste.# = suite
sec.# = section
cont. = continued
w/o = without
ea. = each
wk# = week
w/ = with
Art.# = Article
cf. = compare
Arts.# = Articles
Sec.# = Section
Eq.# = Equation
Op.# = Opus
col.# = column
Pop.# = Population
Est. = Estimated
Sq. = Square
qty. = quantity
Qty. = Quantity
S/N = serial number
inc. = including
y/y = year over year
q/q = quarter over quarter
m/m = month over month
w/w = week over week
Ref. = Reference
temp. = temperature
Temp. = Temperature
Rte. = Route
acct. = account
ref. = reference
cl.# = clause
Eqs.# = Equations
Figs.# = Figures
max. = maximum
min.# = minimum
avg. = average
incl. = including
excl. = excluding
agg. = aggregate
govt. = government
Assoc. = Associate
Asst. = Assistant
Univ. = University
Bros. = Brothers
Co.$ = Company
Hwy = Highway
WWI = World War One
WWII = World War Two
YoY = year over year
QoQ = quarter over quarter
YTD = year to date
aka = also known as
a.k.a. = also known as
Mon.$ = Monday
Tue.$ = Tuesday
Tues.$ = Tuesday
Wed.$ = Wednesday
Thu.$ = Thursday
Thur.$ = Thursday
Thurs.$ = Thursday
Fri.$ = Friday
Jan.$ = January
Feb.$ = February
Aug.$ = August
Sept.$ = September
Oct.$ = October
Nov.$ = November
Dec.$ = December
"""

BOOKS = words("""
Gen = Genesis
Ex = Exodus
Lev = Leviticus
Deut = Deuteronomy
Josh = Joshua
Sam = Samuel
Chron = Chronicles
Prov = Proverbs
Eccl = Ecclesiastes
Isa = Isaiah
Jer = Jeremiah
Ezek = Ezekiel
Dan = Daniel
Matt = Matthew
Rom = Romans
Cor = Corinthians
Gal = Galatians
Eph = Ephesians
Phil = Philippians
Col = Colossians
Thess = Thessalonians
Tim = Timothy
Heb = Hebrews
Pet = Peter
Rev = Revelation
Ps = Psalm
Psalms = Psalm
""")
BOOKS |= {
    book: book
    for book in (
        *BOOKS.values(),
        "Mark",
        "Quran",
        "Qur'an",
        "Surah",
        "Luke",
        "John",
        "Acts",
        "James",
        "Job",
        "Kings",
        "Numbers",
    )
}
