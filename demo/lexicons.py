"""Invented names of the four classes, put together from morphemes, and words that only look like names.

Every list is our own. Names are made so that neither the ending nor the neighbouring word alone gives the class away:
many endings and symbols occur in two classes and among the lookalikes, and whether a modifier belongs to a name
("familial", "banded") or stands before it ("severe", "captive") has to be learnt word by word. The spaces are large
enough that most names of a test set never occur in a training set of fifty abstracts, though their parts may.
"""

from __future__ import annotations

import re
from random import Random

WORDS = {
    key: tuple(words.split())
    for key, words in {
        "chemical": """aval brom cefor clor dapor delt dexim emov fenal flux galan hexor imep isol jod keton labe
            lev lorim mebu mex mor nabil nep nif olan oxim pelv pir propan quin rabe rifal sal sorb tamel tem tolv
            trax urap valp ver xan ybut zal zolm cyclar benz metrol""",
        "drug": "azole mycin idine amide oxacin pril statin ine one ol ane in etin ate oxin ase-7 imab ium yl",
        "salt": "acetate hydrochloride sulfate tartrate citrate bromide maleate phosphate",
        "cation": "sodium potassium calcium dimethyl ethyl acetyl hydroxy liposomal cyclic",
        "substance": """lithium copper zinc iron gold lead silver nickel arsenic iodine ammonia ethanol glucose
            sucrose urea lactate water oxygen nitrate sulfur caffeine nicotine alcohol salt bleach chalk resin tar
            musk camphor menthol starch""",
        "organ_stem": """nephr hepat cardi gastr enter derm arthr neur my oste chondr angi cyst col pancreat splen
            aden rhin phleb kerat bronch mast myel gloss cheil blephar prost lymph thyr encephal sialaden tend vascul
            burs""",
        "condition": "itis oma osis opathy algia omalacia oplegia orrhea ectasia odynia atrophy emia",
        "organ": """renal hepatic cardiac gastric neural dermal tibial ocular pulmonary splenic cerebral thymic
            ovarian vascular retinal spinal intestinal muscular dental cochlear""",
        "disorder": """failure fibrosis dystrophy atrophy carcinoma infarction dysplasia necrosis palsy ulcer
            stenosis insufficiency sclerosis hypoplasia ischemia lesions""",
        "course": "familial juvenile acute chronic hereditary congenital idiopathic malignant latent focal",
        "complaint": """nausea fever seizures ataxia asthma gout rickets measles croup tremor vertigo jaundice
            tetanus mumps scurvy cough sepsis anemia shingles scabies cramp deafness stroke obesity rash colic warts
            burns staggers blackleg dropsy quinsy heaves strangles glanders lockjaw canker murrain ague gapes thrush
            bloat palsy""",
        "state": """pregnancy menopause puberty diagnosis homeostasis mitosis lactation thirst hunger sleep
            weaning ageing blushing recovery sneezing moulting teething digestion arousal dreaming labour growth birth
            posture wakefulness""",
        "person": """Morland Keel Titus Orsova Tarrowe Brandt Hallim Quist Verney Dorfel Ashby Lindor Marek Sorell
            Pell Ruzek Tamsin Okoro Bielik Varga Weston Carrow Denholm Ishida""",
        "genus": "Rov Tarr Bel Mic Cap Str Sal Pseud Lact Ver Dros Xen Nep Lep Ich Cor Gal Phyl Myr Aster",
        "genus_ending": "ella obacter ococcus omyces ophila us ia odon ix omonas aria urus opsis",
        "epithet": """tarrosi albus fluvialis montana gracile rubrum minor vulgare lacustris titusi elegans
            nivalis borealis hirsuta palustre maculata orsovae striata arvensis gelida caerulea saxicola velox
            profunda lata externa""",
        "anatomy": "Musculus Nervus Arteria Vena Fossa Lamina Tunica Glandula Fascia Sulcus Plexus Crista",
        "animals": """voles shrews newts toads carp trout eels mites moths beetles wasps cats fish hares stoats
            bats rats mice ducks geese pigs sheep crabs prawns yeasts mosses ferns clovers nettles macaques marmots
            minnows skinks tarrows grells sablets munches dorrels quills lobbets hurrels kessocks brindles gollans
            selkens mawps yarrels clegs cushats""",
        "things": """traps nets tags sondels kivets loggers nestboxes weirs cages plots ponds hides lures mounds
            burrows dredges brails spillets creels gannels staddles cribbles tethers barrows keddles hoppers sluices
            ricks""",
        "marking": """banded spotted crested dwarf marsh river horned tufted bearded woolly tree cave sand giant
            barn reed dusky""",
        "SYMBOL": """FIC TRK NAV BOL KAD MERP SUD RAB LOX PIM GAT HEX WNK CEP DAR ELF FOS GLI HIP JUB KLF LAT MYB
            NUR OTX PEN RUX SIX TAF UBE VAX YAP ZIC BRO CUL DOK""",
        "protein": """actor ald bandr calp carn cathor cell clath coff coron dest dyst elast endor fasc fibr gal
            gelor glob hemop insul kerat lamor lept lum mucor myos nebr nestr opsor pax perf plak prol ren sarc select
            spect sten syner tal tectr tit trop tubor versic vim vitr zyx""",
        "protein_ending": "in ectin ase ulin actin oxin etin one ogen ol imer",
        "enzyme": "kinase synthase ligase transporter receptor channel phosphatase antigen factor hydrolase",
        "region": "nuclear neural vascular stromal mitochondrial membrane thymic hepatic epidermal muscular",
        "fly_gene": """lantern driftless harlequin bolder wishbone hobnail tumbler noggin saffron pebble twister
            cornice dreamless barfly spindrift crumpet kelpie marigold shuffle thistle halfpenny bramble topknot
            wanderer fiddler gossamer""",
        "program": """clipper harvester lookout tinder foxtrot scribe gantry pilot bellows cobbler weaver compass
            ferret sextant plumb anvil beacon shuttle ratchet monocle abacus turnstile mason puffin drifter
            caliper""",
        "cell_line": """HKV2 KRB4 MOL7 TIF3 NAV12 PEK1 Dok5 Vax11 SUD8B Kel2 RAB66 FOT1 YAM3 CUV9 LOB4 Six20 ZAR7
            JUB31 gli44 HEM2 KAR5 Bol17 tif9 POX6 DAR50 ELM3 MIG8""",
    }.items()
}
WORDS["Symbol"] = tuple(symbol.title() for symbol in WORDS["SYMBOL"])
WORDS["symbol"] = tuple(symbol.lower() for symbol in WORDS["SYMBOL"])
WORDS["CODE"] = tuple(symbol[:2] for symbol in WORDS["SYMBOL"])
WORDS["digit"] = tuple("123456789")
WORDS["number"] = tuple(str(number) for number in range(10, 100))

# What a name is made of, with its weight: {key} is one of WORDS[key], {a|b} is a or b.
NAMES: dict[str, dict[str, int]] = {
    "CHED": {
        "{chemical}{drug}": 42,
        "{chemical}{drug} {salt}": 12,
        "{cation} {chemical}{drug}": 12,
        "{digit}-{chloro|methyl|nitro|fluoro}-{chemical}{drug}": 6,
        "{CODE}-{number}{|{number}}": 8,
        "{substance}": 20,
    },
    "DISO": {
        "{organ_stem}{condition}": 22,
        "{organ} {disorder}": 18,
        "{person} {syndrome|disease|anomaly|palsy|triad}": 12,
        "{course} {organ_stem}{condition}": 9,
        "{course} {organ} {disorder}": 8,
        "{course} {person} {syndrome|disease}": 5,
        "{complaint}": 26,
    },
    "LIVB": {
        "{genus}{genus_ending} {epithet}": 28,
        "{animals}": 30,
        "{marking} {animals}": 20,
        "{SYMBOL}/{A|B|C|J} {mice|rats}": 10,
        "{person} virus{| 1| 2| B}": 12,
    },
    "PRGE": {
        "{SYMBOL}{digit}{||A|b}": 7,
        "{Symbol}{digit}{||A|b}": 7,
        "{symbol}{digit}{||A|b}": 6,
        "{fly_gene}": 16,
        "{SYMBOL}{|R}": 4,
        "{CAT|WASP|FISH-L}": 4,
        "{protein}{protein_ending}{||-{digit}}": 20,
        "{symbol}-{enzyme} {alpha|beta|gamma|delta|kappa}": 13,
        "{protein}in {enzyme}": 13,
        "{region} {protein}in {enzyme}": 10,
    },
}

# What stands where a name may stand and is none: devices, procedures, places, cell lines, programs.
LOOKALIKES: dict[str, dict[str, int]] = {
    "CHED": {
        "{chemical}{ix|ol|ine|one|etin} {pumps|stents|catheters|filters}": 1,
        "{diet|protocol|regimen|batch} {CODE}-{number}{|{number}}": 1,
        "{CODE}-{number}{|{number}} {implants|shunts|trials}": 1,
        "{gold|silver|lead|iron}-standard care": 1,
        "{placebo|irradiation|exercise|surgery|fasting|massage|dialysis}": 1,
    },
    "DISO": {
        "{organ_stem}{ectomy|oscopy|ography|ometry|oplasty|ogenesis|olysis}": 1,
        "{person} {score|test|criteria|clinic|manoeuvre}": 1,
        "{organ} {function|biopsy|tissue|volume|transplantation}": 1,
        "{state}": 2,
    },
    "LIVB": {
        "{anatomy} {epithet}": 2,
        "{things}": 4,
        "{marking} {things}": 3,
        "{cell_line}{| cells}": 1,
        "{SYMBOL}/{A|B|C|J} {cells|cohorts|clones}": 1,
        "{Lake|Mount|Cape|Port} {person}": 1,
        "{person} {cohorts|valley|stations}": 1,
        "{volunteers|controls|organoids|neurons|households|CAT scans|FISH probes}": 1,
    },
    "PRGE": {
        "{cell_line}": 3,
        "{program}": 4,
        "p{SYMBOL}{digit} {plasmids|vectors}": 1,
        "D{digit}S{number}": 1,
        "{SYMBOL}{digit} {software|cells|clones|kits}": 1,
        "{protein}{protein_ending} {gels|plates|beads|columns}": 1,
        "stage {T|N}{digit}{|a|b}": 1,
        "{PCR|ELISA|CAT scans|FISH probes|collagenous tissue|heart rate|body mass}": 1,
    },
}

# Words that may stand before or after a name without being a part of it.
BEFORE = {
    "CHED": "{oral|topical|intravenous|high-dose|purified|inhaled|generic|labelled|free|residual}",
    "DISO": "{severe|mild|early|recurrent|progressive|untreated|overt|late|suspected|incipient}",
    "LIVB": "{wild|adult|captive|infected|female|young|feral|resistant|migrating|hibernating}",
    "PRGE": "{recombinant|mutant|soluble|endogenous|phosphorylated|truncated|circulating|total}",
}
AFTER = {
    "CHED": "{tablets|infusion|exposure|therapy|levels|vapour|residues}",
    "DISO": "{episodes|symptoms|onset|relapse|cases|severity|progression}",
    "LIVB": "{in captivity|of both sexes|from the coast|kept indoors|of unknown age}",
    "PRGE": "{expression|mRNA|levels|transcripts|activity|mutations|promoters}",
}

# Two modifiers that share a noun, as in "renal and hepatic failure".
COORDINATIONS = {
    "CHED": ("cation", "{chemical}ate"),
    "DISO": ("organ", "{disorder}"),
    "LIVB": ("marking", "{animals}"),
    "PRGE": ("region", "{protein}in {enzyme}"),
}

_INNERMOST = re.compile(r"\{([^{}]*)\}")


def expand(pattern: str, rng: Random) -> str:
    """A pattern with every {key} and {a|b} replaced, innermost first. Raises KeyError for a key that WORDS lacks."""
    while "{" in pattern:
        pattern = _INNERMOST.sub(
            lambda slot: rng.choice(slot[1].split("|") if "|" in slot[1] else WORDS[slot[1]]), pattern
        )
    return pattern


def draw(patterns: dict[str, int], rng: Random) -> str:
    """A name from weighted patterns such as ``NAMES["CHED"]``."""
    return expand(rng.choices(list(patterns), list(patterns.values()))[0], rng)


def short_form(entity: str, name: str) -> str:
    """The abbreviation that a text would introduce for a name, or "" for a name that has none.

    >>> short_form("DISO", "familial Keel disease"), short_form("LIVB", "Rovella tarrosi"), short_form("PRGE", "FIC1")
    ('FKD', 'R. tarrosi', '')
    """
    words = name.replace("-", " ").split()
    if entity == "LIVB":
        return f"{name[0]}. {words[1]}" if words[-1] in WORDS["epithet"] else ""
    if len(words) > 1:
        return "".join(word[0] for word in words).upper() if all(word.isalpha() for word in words) else ""
    consonants = [letter for letter in name if letter not in "aeiou"]
    return "".join(consonants[:1] + consonants[2:4]).upper() if name.isalpha() and len(name) > 8 else ""


def coordination(entity: str, rng: Random) -> tuple[str, str, str]:
    """Two different modifiers and the noun that they share."""
    modifiers, noun = COORDINATIONS[entity]
    first, second = rng.sample(WORDS[modifiers], 2)
    return first, second, expand(noun, rng)
