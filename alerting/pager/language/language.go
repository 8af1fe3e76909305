package language

// Languages that pages are written in.
const (
	English = "en"
	Chinese = "zh-CN"
)

// Annotations returns what changes in an alert's annotations when it is told in a language: for Chinese, summary and
// description become the Chinese ones, if there are any, and the English ones are kept as summary_en and
// description_en. note returns an annotation, or "". Nothing changes in an alert that has been changed already.
func Annotations(language string, note func(name string) string) map[string]string {
	if language != Chinese {
		return nil
	}
	changes := map[string]string{}
	for _, name := range []string{"summary", "description"} {
		english, chinese := note(name), note(name+"_zh")
		if chinese == "" || chinese == english {
			continue
		}
		changes[name] = chinese
		if english != "" {
			changes[name+"_en"] = english
		}
	}
	return changes
}

// EnglishOf returns an annotation in English, whether or not it has been changed.
func EnglishOf(name string, note func(name string) string) string {
	if kept := note(name + "_en"); kept != "" {
		return kept
	}
	return note(name)
}
