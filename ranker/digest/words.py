"""What the digests say around the papers, in both languages. Chinese first; keys are ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))  # no daylight saving since 1991, so no time zone database is needed

ZH = {
    "title": "ArXiv 每日推荐",
    "updated": "更新于北京时间：{time}",
    "read": "已自动阅读了 {number} 篇最新的论文。",
    "model": "使用模型：{model} | 消耗 Tokens：{tokens}",
    "no_model": "**说明：** 本日报未使用任何语言模型。评分由句向量与统计模型给出；"
    "推荐理由由可查证的证据拼成，引号中的句子逐字摘自论文摘要。",
    "navigation": "快速导航",
    "papers": "（{number} 篇）",
    "no_field": "未归入领域",
    "quiet": "今日没有新论文。",
    "nothing": "今日没有达到推荐标准的论文。",
    "counts": "**本次统计**",
    "identity": "读入 {read} 行 = 拒收 {rejected} + 重复 {duplicate} + 屏蔽 {vetoed} + 未归类 {unrouted}"
    " + 推荐 {recommended} + 未推荐 {not_recommended} + 失败 {failed}",
    "threshold": "推荐标准：{threshold}",
    "note": "附注：{note}",
    "failed": "评判失败（未评分，非 0 分）：{papers}",
    "quote": "［摘要原句］",
    "no_quote": "［摘要中没有这类句子］",
    "no_abstract": "［没有摘要］",
    "quoted_form": "标有［摘要原句］的文字逐字摘自论文摘要，未经语言模型改写。",
    "uncategorised": "未分类",
    "revisions": "旧文新版",
    "same": "摘要未改动。",
    "reordered": "句子未变，次序有变。",
    "changed": "摘要新增 {added} 句，删去 {removed} 句。",
    "lost": "旧版摘要不在库中，无法比较。",
    "followed": "关注的作者与短语",
    "recommended": "推荐",
    "not_recommended": "未推荐",
    "unrouted": "未归类",
    "failed_outcome": "评判失败",
    "week": "ArXiv 每周汇总",
    "month": "ArXiv 每月汇总",
    "period": "{first} 至 {last}，共 {days} 天有日报：读 {read} 篇，推荐 {recommended} 篇。",
    "more": "另有 {number} 篇推荐论文未列出。",
    "no_picks": "这段时间没有达到推荐标准的论文。",
    "totals": "各领域每日推荐数",
    "totals_note": "格式为 推荐数/论文数；多日推荐的论文每日各计一次。",
    "day": "日期",
    "sum": "合计",
    "papers_read": "阅读",
    "ticked": "标为喜欢的论文",
}
EN = {
    "title": "ArXiv Daily Picks",
    "updated": "Updated (Beijing time): {time}",
    "read": "Read {number} new papers.",
    "model": "Model: {model} | Tokens: {tokens}",
    "no_model": "**Note:** no language model was used for this digest. Scores come from sentence vectors and "
    "statistical models; reasons are made of evidence, and sentences in quotation marks stand verbatim in "
    "the abstracts.",
    "navigation": "Quick navigation",
    "papers": " ({number} papers)",
    "no_field": "No field",
    "quiet": "No new papers today.",
    "nothing": "No paper reached the threshold today.",
    "counts": "**Counts**",
    "identity": "{read} lines read = {rejected} rejected + {duplicate} duplicate + {vetoed} vetoed"
    " + {unrouted} unrouted + {recommended} recommended + {not_recommended} not recommended + {failed} failed",
    "threshold": "Recommended: {threshold}",
    "note": "Note: {note}",
    "failed": "Judging failed (unscored, not zero): {papers}",
    "quote": "[abstract verbatim]",
    "no_quote": "[no such sentence in the abstract]",
    "no_abstract": "[no abstract]",
    "quoted_form": "Text marked [abstract verbatim] stands word for word in the abstract; no model rewrote it.",
    "uncategorised": "Uncategorised",
    "revisions": "New versions of papers seen before",
    "same": "The abstract is unchanged.",
    "reordered": "The same sentences in another order.",
    "changed": "Sentences added: {added}, removed: {removed}.",
    "lost": "The earlier abstract is not stored, so nothing can be compared.",
    "followed": "Followed authors and phrases",
    "recommended": "recommended",
    "not_recommended": "not recommended",
    "unrouted": "unrouted",
    "failed_outcome": "judging failed",
    "week": "ArXiv Week in Review",
    "month": "ArXiv Month in Review",
    "period": "{first} to {last}, {days} days with a digest: {read} papers read, {recommended} recommended.",
    "more": "{number} more recommended papers are not listed.",
    "no_picks": "No paper reached the threshold in this time.",
    "totals": "Recommended papers by field and day",
    "totals_note": "Written as recommended/papers; a paper that several days recommended counts on each.",
    "day": "Day",
    "sum": "Sum",
    "papers_read": "Read",
    "ticked": "Papers ticked up",
}


def words(language: str) -> dict[str, str]:
    """The strings of a language: English where it starts with ``en``, else Chinese."""
    return EN if language.lower().startswith("en") else ZH


def beijing_time(made_at: str) -> str:
    """``made_at`` (ISO; UTC where it has no offset) as ``YYYY-MM-DD HH:MM:SS`` in Asia/Shanghai."""
    moment = datetime.fromisoformat(made_at)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
