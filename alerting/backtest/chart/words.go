package chart

import "github.com/belfry-city/belfry/internal/config"

// words are what the picture says, in a language.
type words struct {
	reading, expected, usual, score, alarm, right, wrong, found, missed, learning, cut, beyond string
}

func wordsOf(l config.Language) words {
	if l == config.LanguageChinese {
		return words{
			reading: "读数", expected: "预期值", usual: "正常范围", score: "异常分数", alarm: "告警", right: "正确告警", wrong: "误报",
			found: "已发现的异常", missed: "遗漏的异常", learning: "学习期，不参与评判", cut: "以上截去", beyond: "%s（超出坐标轴）",
		}
	}
	return words{
		reading: "reading", expected: "expected", usual: "usual range", score: "anomaly score", alarm: "alarm", right: "true alarm", wrong: "false alarm",
		found: "anomaly, found", missed: "anomaly, missed", learning: "learning, not judged", cut: "cut above", beyond: "%s, off the scale",
	}
}
