"""Sentences in many languages and scripts, written for these tests."""

# ruff: noqa: RUF001 (letters that look like others are what is tested)

import unicodedata

TEXTS = {
    "Chinese": (
        "小镇的磨坊建于一八一一年，由王氏兄弟建造；后来改成了博物馆。",
        "他在2018年10月31日（星期三）写道：“BERT-base模型有1.1億個參數”。䶮𠮷㐂龥",
    ),
    "Thai": (
        "เมื่อวานนี้แม่ของฉันไปตลาดที่เชียงใหม่ และซื้อมะม่วง ๓ กิโลกรัม ราคา 120 บาท",
        "กำแพงเก่าสร้างขึ้นในปี พ.ศ. 2354 โดยพี่น้องสองคน น้ำตกอยู่ไกลจากหมู่บ้านฯ",
    ),
    "Arabic": (
        "ذَهَبَتْ سَلْمَى إِلَى السُّوقِ صَبَاحًا، وَاشْتَرَتْ خُبْزًا وَتَمْرًا.",
        "هل بُنيت الطاحونة القديمة عام ١٨١١ على يد أخوين من القرية؟ كتـــاب \u200fBERT\u200f (٣٫٥٪)",
    ),
    "Hindi": (
        "राम कल सुबह दिल्ली गया और उसने तीन किताबें ख़रीदीं।",
        "गाँव की पुरानी चक्की १८११ में दो भाइयों ने बनाई थी; क्‍ष और र्‌य अलग दिखते हैं॥",
    ),
    "Korean": (
        "어제 서울에서 온 친구가 오래된 방앗간을 보러 왔다.",
        "1811년에 두 형제가 지은 건물(博物館)이다! ㅋㅋㅋ 꿻뷁",
    ),
    "emoji": (
        "Ann 👩‍👩‍👧 flew to 🇨🇭 on 🛫 ☕️!! 👍🏽👍🏿 1️⃣2️⃣",
        "🙂w1🙂 w2\u200d🙂 \U0001f9d1\u200d\U0001f680 says hi",
    ),
    "Turkish, Greek, German": (
        "İSTANBUL'da IĞDIR'lı Şükrü, ıssız İİİ köyünde.",
        "Ο ΟΔΥΣΣΕΥΣ ΕΦΥΓΕ ΑΠΟ ΤΟΥΣ ΔΡΟΜΟΥΣ. ΑΣ,Σ Ό,ΤΙ",
        "STRAẞE Straße ﬁnden Ǆungla ǅ ½ x² Ⅷ",
    ),
    "Vietnamese, French": (
        "Tiếng Việt có nhiều dấu: một hai ba bốn.",
        "Zoë a mangé des crêpes à l'été, n'est-ce pas ?",
    ),
    "Japanese, Hebrew": ("古い水車小屋は１８１１年にガラスで建てられました。", "הַטַּחֲנָה נִבְנְתָה בִּשְׁנַת 1811 (תקע״א)."),
    "marks": ("한〮글〯 a\u302e\u0301\U00016ff0b \U0001d15f\U00016ff0 e\u200d\u0301 \u0301x",),
}


def texts_of_all_languages() -> list[str]:
    """All sentences, as they are, decomposed (NFD) and composed (NFC)."""
    every = [text for texts in TEXTS.values() for text in texts]
    return [*every, *(unicodedata.normalize(form, text) for form in ("NFD", "NFC") for text in every)]
