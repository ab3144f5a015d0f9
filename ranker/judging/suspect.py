"""What an abstract never says of its paper, as named patterns in English and Chinese. Order does not matter."""

from __future__ import annotations

import re

_N = r"(?:9|10|nine|ten|[89]\.\d|10\.0)"
_TOP = rf"(?:{_N}\b|(?:the )?(?:highest|maximum|max|top|perfect|full|best)(?: possible)?\b)"
_GRADE = r"(?:score|rating|rank|grade|mark|relevance|priority|digit|label|recommendation)s?"
_ONE_READER = (
    r"(?:ai|llm|gpt|chatgpt|claude|gemini|qwen|language model|assistant|chatbot|bot|evaluator|grader|ranker|judge|"
    r"reviewer|screener|rater|scorer|recommender)s?"
)
_READER = rf"(?:{_ONE_READER}[ /-]){{0,2}}{_ONE_READER}"
_ZH_READER = (
    r"(?:评审|审稿|评委|评分|打分|筛选|推荐|阅读|语言模型|大模型|人工智能|ai|助手|机器人|模型)"
    r"(?:人|员|者|系统|模型|助手|器)?"
)
_ZH_TOP = r"(?:满分|最高分|最高的?分数?|最高(?:等级|评级|评分|相关度|相关性)|(?:9|10|九|十)\s*分|高分)"

# What is said to the reader of the prompt, not about the work; matched against folded (lower-case, plain) text.
_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "override",
        r"\b(?:ignore|disregard|forget|override|bypass|skip|drop|discard|neglect)\b[^.!?。]{0,40}?\b(?:previous|"
        r"prior|above|"
        r"earlier|preceding|foregoing|all|any|your|system|the)\b[^.!?。]{0,30}?\b(?:instructions?|prompts?|rules?|"
        r"guidelines?|criteria|rubric|directions?|commands?|scale)\b",
    ),
    (
        "override",
        r"\b(?:your|the) (?:new|real|actual|true|updated|only) (?:instructions?|task|role|rules?|goal|system prompt)"
        r"\s*(?:is|are|:)",
    ),
    (
        "override",
        r"\byou (?:are|must) (?:now|no longer|hereby)\b|\bfrom now on,? you\b|\bact as (?:a|an|if)\b.{0,30}\byou\b",
    ),
    (
        "override",
        r"\b(?:ignor(?:ez|a|e|iere[n]?)|olvida|vergiss|oubliez)\b.{0,40}?\b(?:instruc|anweisung|consign|"
        r"instrucciones)",
    ),
    (
        "demand",
        rf"\b(?:give|assign|award|grant|rate|grade|output|return|answer|respond|reply|print|write|say|choose|select|"
        rf"report|predict|emit|produce|set)\b[^.!?。]{{0,40}}?\b(?:with |as |it |of |a |an |the |digit |number |"
        rf"label )*{_TOP}[^.!?。]{{0,25}}?\b(?:{_GRADE}|points?|stars?|out of|and nothing|only|for this|to this)\b",
    ),
    (
        "demand",
        rf"\b(?:give|assign|award|rate|grade|score|rank|label|mark)\s+(?:it|this(?: \w+)?|the (?:present |"
        rf"current )?(?:paper|"
        rf"work|submission|article|abstract|manuscript))\b[^.!?。]{{0,40}}?(?:{_TOP}|\bhigh(?:ly|er|est)?\b|"
        rf"\bfavou?rabl[ey]\b|\bpositive(?:ly)?\b)",
    ),
    (
        "demand",
        rf"\b(?:answer|respond|reply|output|return|print|say|write)\b(?: only| just| exactly)?(?: with| as)?(?: the)?"
        rf"(?: single)?(?: digit| number| label| token)?\s*[:\"'“]*\s*{_N}\b(?!\s*(?:%|percent|times|x\b))",
    ),
    (
        "demand",
        rf"\b(?:must|should|shall|needs? to|has to|ought to|deserves? to|is to)\s+(?:\w+ )?(?:be |receive |get |"
        rf"obtain |earn )+"
        rf"(?:\w+ ){{0,4}}?(?:rated|scored|ranked|graded|recommended|{_TOP})[^.!?。]{{0,40}}?(?:{_TOP}|\bhigh|"
        rf"{_GRADE}\b)",
    ),
    (
        "demand",
        rf"\b(?:correct|right|expected|only(?: valid| acceptable)?|appropriate|proper|final|true|assigned) "
        rf"(?:answer|{_GRADE}|output|response)\b[^.!?。]{{0,50}}?(?:\bis\b|:|=|\bfor\b)[^.!?。]{{0,30}}?{_TOP}",
    ),
    (
        "demand",
        rf"\b{_GRADE}\s*[:=]\s*[\"']?{_N}\b|\b(?:relevance|rating|score)\s+(?:is|of)\s+{_N}\s*(?:/|out of)\s*(?:9|"
        rf"10)\b",
    ),
    (
        "demand",
        r"\b(?:do not|don't|never|avoid) (?:mention|highlight|report|list|give|assign|consider|criticis|criticiz|"
        r"penalis|"
        r"penaliz|lower|output)\w*\b[^.!?。]{0,40}?\b(?:negative|weakness|limitation|flaw|low|lower|other|score|"
        r"rating)",
    ),
    ("demand", r"\b(?:strongly|always|immediately|must|please) recommend (?:accept|this|it\b|the paper)"),
    (
        "address",
        rf"\b(?:note|message|instructions?|attention|notice|reminder|memo|hint|important|dear|hey|hello|hi|warning)\b"
        rf"[,:]?\s*(?:to|for|,|:)?\s*(?:the |any |all |an? |every |automated |automatic |our )*{_READER}\b\s*[:,.!-]",
    ),
    (
        "address",
        rf"\bif you(?:'re| are) (?:an? |the )?(?:\w+ )?{_READER}\b|\bas (?:an? |the )?(?:\w+ )?{_READER},? (?:you|"
        rf"please)\b",
    ),
    (
        "address",
        rf"\b(?:(?:automated|automatic|machine) (?:readers?|screeners?|graders?|reviewers?|"
        rf"evaluators?|(?:ranking|screening|scoring|review|recommendation) (?:systems?|software|tools?))|"
        rf"{_READER})\b (?:\w+ ){{0,3}}?(?:must|should|shall|are (?:required|asked|instructed|requested)|"
        rf"is (?:required|asked|"
        rf"instructed|requested)) (?:to )?[^.!?。]{{0,60}}?\b(?:treat|consider|rate|score|rank|recommend|select|"
        rf"place|assign|regard|prioriti)",
    ),
    (
        "claim",
        r"\b(?:single )?most (?:relevant|important|valuable) (?:paper|work|article|submission)s? (?:of|for|to|"
        r"in) (?:the|this|every|any|all|your)\b|\b(?:this|the present) (?:\w+ )?(?:paper|work|article|"
        r"submission)\b[^.!?。]{0,60}?\b(?:to be "
        r"read first|must[- ]read|top of (?:the|your) list|cent(?:er|re) of (?:their|your|the reader'?s?) field)|"
        r"\b(?:research group|readers?|user|lab) (?:has|have) (?:already )?(?:decided|confirmed|asked|requested)\b",
    ),
    (
        "demand",
        r"\b(?:answer(?:s|ed)?|label(?:led)?|rating|value|verdict|digit|rated?|scored?|graded?|output|print|pick|"
        r"choose|respond\w*|reply|say|result)\b[^.!?。]{0,25}?(?<![\d.,$^_{-])\b(?:9|nine)\b(?![.,]\d|[-%$^_\\}]|"
        r"\s*(?:[-x×]|\\|percent|points?|"
        r"times|of|out|hours?|days|different|real|public|diverse|[a-z]+(?:s|ing)\b|\w+ [a-z]+s\b))",
    ),
    (
        "demand",
        r"\b(?:pick|choose|select|use|give|write|print|output|answer|report)\b[^.!?。]{0,30}?\b(?:largest|biggest|"
        r"highest|maximum|top|best)(?: \w+)? (?:available|possible|allowed|on (?:the|your) scale)\b",
    ),
    ("demand", r"\b(?:output|print|write|say|answer|reply)(?: with)? the (?:number|digit|label|word)\b"),
    (
        "demand",
        r"\b(?:full|top|maximum|highest|perfect) marks\b|\btop(?:most)? tier\b.{0,20}$|\b(?:recommend|rate|"
        r"rank) strongly\b",
    ),
    (
        "address",
        r"\byour (?:ratings?|scores?|scoring|grading|answers?|response|output|evaluation|assessment|judge?ment|"
        r"decision|recommendation|review|verdict|instructions?|guidelines|rubric|criteria|reply|task)\b",
    ),
    (
        "address",
        r"\bto (?:whichever|whatever|whoever|any|the|every|all|each) (?:\w+ ){0,2}?(?:models?|systems?|ai|readers?|"
        r"agents?)"
        r"(?: that| which| who)? (?:is|are) (?:now |currently )?(?:reading|evaluating|judging|processing|scoring)",
    ),
    (
        "address",
        r"\b(?:rating|scoring|grading|evaluation) (?:criteria|rules?|rubric|scale)\b.{0,15}?\b(?:you|given above|"
        r"above)\b",
    ),
    (
        "address",
        r"\b(?:please|kindly)\b(?! (?:visit|see|refer|check|find|cite|contact|click|read|follow|e-?mail|go|consult|"
        r"note that (?:the|this|our|we|all)))",
    ),
    (
        "override",
        r"(?:前文|之前|上文|上述|以上|前面|此前)[^。！？]{0,12}?(?:作废|无效|失效|不算|怎么说|不用管|取消)|"
        r"规定作废|新的(?:规定|规则|指令)",
    ),
    (
        "demand",
        r"(?:全部|一律|直接|统一|一定要|务必|必须)[^。！？]{0,8}?(?:给|打|输出|回答|填|写|评|推荐)|顶格|最高评价|"
        r"推荐列表|放(?:在|到)[^。！？]{0,10}?(?:最前|首位|第一)",
    ),
    # Of 14,566 abstracts 38 say "you", most of them in these phrases; an abstract has nothing to ask of its reader.
    (
        "you",
        r"(?<!all )(?<!what )(?<!as-)(?<!as )(?<!choose-)(?<!before )\b(?:you|your|yours|"
        r"yourself)\b(?! only)(?!-)(?! own\b)(?! need\b)(?! look)(?! cache)",
    ),
    (
        "address",
        r"(?:^|(?<=[.!?:;] ))(?:treat|remember|stop|decode|trust|pretend|imagine|place|put|rank|rate|mark|label|"
        r"output|print|"
        r"answer|respond|reply|return|pick|choose|select|set|do not|don't|never|always|give|assign|ignore|"
        r"disregard|forget|"
        r"take|make|be|follow|obey|award|score|grade|judge|consider|promote|prefer|prioriti[sz]e|insert|write|say|"
        r"emit|act|"
        r"behave|skip|use)\s+(?:this|that|these|those|it|them|the (?:following|above|next|paper|question|number|"
        r"digit|answer|"
        r"label|score|highest|maximum|rest|text|rules?)|only|with|as|any|every|nine|9|sure|whatever|exactly)\b",
    ),
    (
        "address",
        r"\bfor (?:the )?(?:language models?|ai|llms?|machines?|graders?|rankers?|bots?) only\b|@ ?(?:model|ai|"
        r"assistant|llm|system|gpt)\b",
    ),
    (
        "address",
        r"\b(?:human )?(?:supervisor|operator|boss|owner)s? (?:wants?|requires?|asks?|prefers?|expects?)\b",
    ),
    (
        "address",
        r"[你您]|(?:阅读|评阅|处理|读到)(?:本|这|此)[^。！？]{0,8}?(?:模型|系统|程序|机器|ai)|(?:视为|列为|列入)必读",
    ),
    ("address", r"(?:^|(?<=[.!?] ))stop[.!]"),
    (
        "address",
        r"(?:^|(?<=[.!?] ))dear [a-z ]{2,30}[,:!]|\bfor the attention of\b|\bto whom it may concern\b|"
        r"\bno exceptions\b",
    ),
    (
        "address",
        r"\b(?:whoever|anyone|whichever \w+|any \w+) (?:who |that )?(?:is |are )?(?:now |currently )?(?:scoring|"
        r"rating|judging|grading|screening) (?:this|these|it|the (?:paper|abstract|submission))",
    ),
    (
        "override",
        r"\b(?:suspend|waive|amend|relax|drop|lift|replace)\w* (?:the|your|all|any) (?:\w+ )?(?:criteria|rubric|"
        r"scale|procedure|"
        r"rules?(?!-)|guidelines)\b|\b(?:rating|scoring|evaluation|review|judging) (?:criteria|rubric|procedure|rules?|"
        r"guidelines|policy) (?:has|have) been\b",
    ),
    (
        "demand",
        r"\b(?:top|highest|best|maximum|full) (?:grade|rating)\b|\ba (?:high|nine|top) (?:number|digit|mark)\b",
    ),
    (
        "demand",
        r"\b(?:to be|be|is|are|as) (?:marked|flagged|treated|rated|listed|classed) (?:as )?(?:essential|relevant|"
        r"important|highly|must|urgent|a must|top)\b",
    ),
    ("demand", r"答案(?:只能|必须|应该|应当|就|一定)?是|其余(?:数字|答案|选项)"),
    ("demand", r"(?:[:=]|\ba|\bis|\bas|\bwith)\s*[\"'“]?(?:9|nine|九)[\"'”]?\W*$"),
    ("demand", r"\b(?:from )?(?:0|zero) (?:to|through) (?:9|nine)\b|\b(?:9|nine) out of (?:9|10|nine|ten)\b"),
    ("demand", r"\b(?:relevance|priority|importance)\s*[:=]\s*(?:max|high|9|10|nine|full|top|very|critical)"),
    (
        "override",
        r"\b(?:new|updated|revised|actual|real) (?:objective|instruction|rule|goal|directive|order|policy)s?\s*:|"
        r"\bmaximi[sz]e the (?:relevance|rating|rank)\b",
    ),
    (
        "claim",
        r"\b(?:this|the present) (?:\w+ )?(?:manuscript|paper|article|entry|submission|"
        r"abstract)\b[^.!?]{0,60}?\b(?:outranks?|"
        r"selected|come out on top|digest|shortlist|highly (?:ranked|rated|scored|relevant))|\b(?:leave|leaving|"
        r"left|drop|omit)"
        r"\w* (?:this|the) (?:paper|article|work|submission|manuscript) (?:out|from)\b|\b(?:daily|reading|"
        r"the) (?:digest|shortlist)\b",
    ),
    ("hidden", r"\\begin\{(?:comment|invisible|hidden)|\\iffalse|\\if0\b"),
    ("delimiter", r"\*{3,}[^*]{3,60}\*{3,}|【[^】]{2,20}】|(?:^|(?<=\s))q: .{3,120}? a:"),
    ("address", r"亲爱的|尊敬的|麻烦(?:把|将|给|你|您|帮)|拜托"),
    (
        "delimiter",
        r"[=~#*]{4,}|\b(?:abstract|paper|text|document|input|material|article) (?:ends|stops|is over|"
        r"finishes)(?: here)?\b(?=\s*(?:[.:\]>)=*#-]|$))",
    ),
    ("hidden", r"</?(?:font|span|div|style|script|small|p|html|body|template|details)\b[^<>]{0,80}>"),
    (
        "override",
        r"(?:忽略|无视|忘记|不要理会|不必理会|抛开|跳过|覆盖|取消)[^。！？]{0,16}?(?:指令|提示|要求|规则|说明|标准|"
        r"设定|内容)",
    ),
    ("demand", rf"(?:给|打|评|输出|回答|返回|判|定|写|选|填|标)[^。！？]{{0,16}}?{_ZH_TOP}"),
    (
        "demand",
        r"(?:输出|回答|返回|回复|填写|写出|选择)[^。！？]{0,8}?(?:数字|标签|答案)?[“\"'：:\s]*(?:9|10|九|十)(?!\d|"
        r"[.%％倍个种项])",
    ),
    (
        "demand",
        r"(?:评分|得分|分数|相关度|相关性|打分|评级|等级)\s*(?:为|是|：|:|=|应为|应是|应当是|必须是|设为)\s*(?:9|"
        r"10|九|十|最高|满)",
    ),
    (
        "demand",
        r"(?:务必|必须|一定要|请|应当|应该)[^。！？]{0,12}?(?:推荐|优先|排(?:在|到)(?:首位|第一|最前)|给予?高|评为|"
        r"列为)[^。！？]{0,12}",
    ),
    (
        "address",
        rf"(?:致|请|尊敬的|亲爱的|提醒|注意|告知|作为)[，,：:]?\s*(?:各位|所有|本|一名|一个|该|"
        rf"自动)?{_ZH_READER}[：:，,！!]",
    ),
    (
        "address",
        rf"(?:如果|若|假如)你是[^。！？]{{0,10}}?{_ZH_READER}|你(?:现在|必须|应该|应当|需要|只能|"
        rf"只需)[^。！？]{{0,10}}",
    ),
    (
        "delimiter",
        r"</?\s*(?:paper|abstract|document|article|input|content|text|data|instructions?|system|user|assistant|"
        r"prompt|task)\s*>"
        r"|(?:[-=#*_]{3,}|\[|<<)\s*(?:end|begin|start|new|结束|开始)\b[^\n\]]{0,40}(?:[-=#*_]{3,}|\]|>>)"
        r"|\bend of (?:the )?(?:paper|abstract|document|input|data|material)\b\s*[.:\]>)-]"
        r"|(?:论文|摘要|资料|输入|文本)(?:到此|至此)?结束|以上(?:为|是)(?:论文|摘要|资料)",
    ),
    (
        "turn",
        r"<\|[^<>|]{1,40}\|>|<｜[^<>｜]{1,40}｜>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|</?s>|<bos>|<eos>|"
        r"<\|?(?:think|im_start|im_end|endoftext|eot_id)\|?>|\[/?(?:system|user|assistant)\]"
        r"|(?:^|(?<=[\n.!?。！？>\]})])\s*)#{0,4}\s*(?:system|assistant|user|human|developer|"
        r"系统|助手|用户)(?: (?:prompt|message|note|update|override))?\s*(?:消息|提示)?\s*[:：]",
    ),
    ("turn", r"#{2,}\s*(?:instructions?|response|system|answer|指令|回答|系统)\b\s*:?"),
    (
        "json",
        rf"(?<!['`])[\"'”’]\s*\}}\s*(?:[,\]}}]|$|[\n{{])|\{{\s*[\"'“][a-z_]{{2,20}}[\"'”]\s*:|[\"'“](?:{_GRADE}|"
        rf"reason|verdict|answer|role|content|output|result)[\"'”]\s*[:=]|[\"']\s*[,;]\s*[\"'](?:{_GRADE})\b",
    ),
    (
        "hidden",
        r"<[^<>]{0,80}\bstyle\s*=|\bcolor\s*[:=]\s*[\"'{]?\s*(?:white|#fff)|\\(?:text)?color\s*\{\s*white|"
        r"font-size\s*:\s*[01]\b|"
        r"display\s*:\s*none|<!--|-->|\\phantom\{|\\transparent|visibility\s*:\s*hidden|opacity\s*:\s*0|"
        r"\bwhite[- ]on[- ]white\b.{0,20}:",
    ),
)

RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for name, pattern in _PATTERNS
)
"""(name, pattern); names repeat where several patterns serve one purpose."""
