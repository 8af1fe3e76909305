package check

import (
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

// words are the texts of a screen in one language.
type words struct {
	head, matched, unmatched            string
	readings, events, refused           string
	nothing, and                        string
	time, value, series, arrival, event string
	late, early, more, part, texts      string
	omissions                           map[input.Omission]string
	reasons                             map[reading.Reason]string
}

func wordsOf(l config.Language) words {
	if l == config.LanguageChinese {
		return chinese()
	}
	return english()
}

func english() words {
	return words{
		head:    "%s, %d bytes",
		matched: "topic %s: matches %s", unmatched: "topic %s: no pattern of inputs.mqtt matches",
		readings: "%d readings", events: "%d events", refused: "%d refused",
		nothing: "nothing", and: ", ",
		time: "TIME", value: "VALUE", series: "SERIES", arrival: "(on arrival)", event: "event",
		late:  "! %d of them are older than limits.late and would be refused now",
		early: "! %d of them are further in the future than limits.early and would be refused now",
		more:  "… and %d more", part: "message %d: ", texts: "%d fields are text, and no readings",
		omissions: map[input.Omission]string{
			input.OmittedText:      "%s is text, and no reading: %s",
			input.OmittedUnnamed:   "%s needs a rule: no metric can have its name%s",
			input.OmittedMissing:   "%s: not in the message: %s",
			input.OmittedFiltered:  "left out by %s: %s",
			input.OmittedUndecoded: "%s is not decoded: give the device profile a payload codec%s",
			input.OmittedEvent:     "event %s has no readings%s",
		},
	}
}

func chinese() words {
	return words{
		head:    "%s，%d 字节",
		matched: "主题 %s：匹配 %s", unmatched: "主题 %s：inputs.mqtt 中没有匹配的模式",
		readings: "%d 个读数", events: "%d 个事件", refused: "%d 处拒收",
		nothing: "没有读数", and: "，",
		time: "时间", value: "数值", series: "序列", arrival: "（到达时）", event: "事件",
		late:  "! 其中 %d 个早于 limits.late，现在会被拒收",
		early: "! 其中 %d 个晚于 limits.early，现在会被拒收",
		more:  "… 另有 %d 条", part: "第 %d 条消息：", texts: "%d 个字段是文本，不是读数",
		omissions: map[input.Omission]string{
			input.OmittedText:      "%s 是文本，不是读数：%s",
			input.OmittedUnnamed:   "%s 不能作指标名，需要一条规则%s",
			input.OmittedMissing:   "%s：消息中没有：%s",
			input.OmittedFiltered:  "被 %s 排除：%s",
			input.OmittedUndecoded: "%s 未解码：请在设备配置中设置编解码器%s",
			input.OmittedEvent:     "事件 %s 没有读数%s",
		},
		reasons: map[reading.Reason]string{
			reading.ReasonSyntax: "格式错误", reading.ReasonBadTimestamp: "时间错误", reading.ReasonBadNumber: "数字错误",
			reading.ReasonNotFinite: "不是有限数", reading.ReasonInvalidUTF8: "编码错误", reading.ReasonTooLong: "过长",
			reading.ReasonBadSeries: "序列名错误", reading.ReasonBadChecksum: "校验和错误", reading.ReasonBadType: "类型错误",
			reading.ReasonTooDeep: "嵌套过深", reading.ReasonMissing: "缺失", reading.ReasonUnsupported: "不支持",
			reading.ReasonUnknownSource: "未知来源", reading.ReasonConflict: "冲突", reading.ReasonTooLarge: "过大",
		},
	}
}

func (w words) reason(r reading.Reason) string {
	if text, ok := w.reasons[r]; ok {
		return text
	}
	return string(r)
}

func (w words) omitted(why input.Omission) string {
	if text, ok := w.omissions[why]; ok {
		return text
	}
	return string(why) + ": %s %s"
}
