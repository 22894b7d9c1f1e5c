"""The words above a roster's columns, by what the column means; compared as `columns` normalises them."""

from __future__ import annotations

import enum
from typing import Final


class Field(enum.StrEnum):
    """What a column can mean. All other columns are placeholders for the text."""

    PHONE = "phone"
    NAME = "name"
    KANA = "kana"
    EXTERNAL_ID = "external_id"
    BIRTH_ON = "birth_on"
    AGE = "age"
    CONSENT = "consent"
    EXCLUDED = "excluded"


# In order of preference: of several telephone columns the one that is surely a mobile comes first.
SYNONYMS: Final[dict[Field, str]] = {
    Field.PHONE: (
        "携帯電話番号 携帯番号 携帯電話 携帯 携帯tel ケータイ スマホ スマートフォン 携帯連絡先 本人携帯 "
        "本人携帯番号 mobile mobilephone mobilenumber cellphone sms送信先 sms番号 sms電話番号 sms送信先番号 "
        "送信先電話番号 送信先番号 送信先 宛先番号 宛先電話番号 電話番号 電話 本人電話番号 電話番号本人 "
        "連絡先電話番号 連絡先 連絡先番号 ご連絡先 日中連絡先 患者電話番号 tel telno 電話no 電話nbr phone "
        "phonenumber telephone telephonenumber お電話番号 ご連絡先電話番号 自宅電話番号 自宅電話 自宅tel "
        "固定電話 固定電話番号 固定電話tel"
    ),
    Field.NAME: (
        "氏名 患者氏名 患者名 宛名 名前 お名前 ご氏名 姓名 本人氏名 対象者 対象者名 対象者氏名 受診者名 "
        "受診者氏名 接種者氏名 納税者名 納税者氏名 納税義務者 納税義務者名 納税義務者氏名 使用者名 使用者氏名 "
        "使用者 契約者 契約者名 契約者氏名 世帯主名 世帯主氏名 利用者名 利用者氏名 申請者名 申請者氏名 "
        "被保険者名 被保険者氏名 宛名氏名 宛名漢字 氏名漢字 漢字氏名 漢字名 フルネーム 予約者名 予約者氏名 "
        "陽性者氏名 氏名又は名称 名義人 滞納者名 滞納者氏名 住民氏名 受給者名 受給者氏名 受取人 受取人名 name "
        "fullname patientname"
    ),
    Field.KANA: (
        "フリガナ カナ氏名 氏名カナ カナ 氏名フリガナ カナ名 宛名カナ ヨミ ヨミガナ 読ミ 読ミ仮名 シメイ "
        "カナ宛名 患者氏名カナ 患者カナ氏名 患者氏名フリガナ 患者名カナ 氏名カナ全角 氏名カナ半角 半角カナ "
        "全角カナ 氏名ヨミ 氏名読ミ 仮名 振リ仮名 振仮名 カナ氏名全角 kana furigana namekana"
    ),
    Field.EXTERNAL_ID: (
        "管理番号 整理番号 宛名番号 hersysid hersysid番号 hersys hersys番号 予約番号 id 患者id 患者番号 "
        "個人番号id 住民番号 対象者番号 対象者id 受付番号 通知番号 通知書番号 水栓番号 使用者番号 お客様番号 "
        "お客様コード 顧客番号 契約番号 納税者番号 宛名コード 識別番号 識別id 受診番号 接種券番号 "
        "被保険者番号 利用者番号 利用者id 職員番号 会員番号 申請番号 登録番号 個人id 世帯番号 管理no 整理no "
        "宛名no 管理id externalid patientid reference"
    ),
    Field.BIRTH_ON: (
        "生年月日 誕生日 出生日 出生年月日 生年月日西暦 生年月日和暦 birthday birthdate birth dateofbirth dob"
    ),
    Field.AGE: ("年齢 満年齢 歳 年令 age"),
    Field.CONSENT: (
        "sms同意 同意有無 同意 承諾 承諾有無 sms同意有無 同意ノ有無 承諾ノ有無 smsノ同意 smsノ同意有無 "
        "sms送信同意 sms送信同意有無 sms承諾 sms承諾有無 sms可否 sms希望 sms希望有無 sms配信同意 sms利用同意 "
        "sms連絡同意 ショートメール同意 ショートメッセージ同意 同意区分 同意確認 承諾区分 sms送信可否 "
        "sms配信可否 smsデノ連絡 sms連絡可否 smsニヨル連絡ノ同意 consent smsconsent optin"
    ),
    Field.EXCLUDED: (
        "除外 対象外 送信除外 送信対象外 配信除外 配信対象外 除外フラグ 送信不要 発送除外 発送停止 除外区分 "
        "除外理由 対象外理由 送信停止 excluded exclude"
    ),
}
