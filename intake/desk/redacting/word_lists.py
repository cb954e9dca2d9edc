"""Words that often stand beside a name, in the languages that testimonies come in."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


BEFORE_PERSONS = _listed(
    # English, French, German, Spanish, Portuguese
    "dr prof professor mr mrs ms miss mx doctor nurse sister "
    "m mme mlle mgr docteur docteure professeur monsieur madame maître infirmière infirmier "
    "herr frau herrn schwester pfleger pflegerin oberarzt oberärztin chefarzt chefärztin "
    "sr sra srta dra don doña señor señora señorita doctora enfermera enfermero "
    "senhor senhora dona doutor doutora enfermeira enfermeiro "
    # Russian, Ukrainian
    "г-н г-жа гн доктор врач профессор медсестра господин госпожа пан пані пана лікар лікарка професор медсестрою "
    # Arabic
    "السيد السيدة الآنسة الدكتور الدكتورة دكتور دكتورة د أد الأستاذ الأستاذة الممرض الممرضة الطبيب الطبيبة"
)
"""What is followed by the name of a person."""
AFTER_PERSONS = ("先生", "女士", "小姐", "医生", "醫生", "护士", "護士", "教授", "主任", "大夫", "院长", "老师")
"""What follows the name of a person in Chinese."""

ORGANISATIONS = tuple(
    _listed(
        # as the beginning of a word, since many are inflected
        "hospital clinic clínic clinique klinik ospedal hôpita hopital chu chru polyclinique policlinique "
        "krankenhaus spital universit institut laborator laboratoire labor apotheke pharmac pharmacie farmacia "
        "centre center centro zentrum sanator ambulator foundation fondation fundación fundação stiftung ministry "
        "ministère ehpad farmácia "
        "больниц госпитал клиник поликлиник институт университет аптек диспансер "
        "лікарн шпитал клінік поліклінік інститут університет "
        "مستشفى مشفى مستشفيات عيادة مستوصف مركز جامعة معهد صيدلية مختبر وزارة"
    )
)
"""What stands beside the name of an organisation."""
ORGANISATION_ENDINGS = ("klinik", "klinikum", "krankenhaus", "spital", "hospital", "zentrum", "praxis", "apotheke")
"""What a German compound that names an organisation ends in."""
AFTER_ORGANISATIONS = ("医院", "醫院", "诊所", "卫生院", "医学院", "大学", "研究所", "药店", "公司")
"""What the name of an organisation ends in, in Chinese."""

PARTICLES = _listed(
    "de du des del da do dos das della di le la les l d el al van von der den dem zu zur zum am im of the st saint "
    "sainte san santa são bin ibn abu ben y e und et and für pour для імені имени им ім"
)
"""Small words that may stand within a name."""
NO_NAMES_IN_CHINESE = "我你他她它们的了在到从去往是于及这那有一个因为所以被把给对"
"""Characters that a name in Chinese seldom has."""
