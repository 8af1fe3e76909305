package wording

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// Fault is an error in both languages.
type Fault struct {
	Text Text
	Args []any
}

// Error says it in English.
func (f *Fault) Error() string { return f.In(English) }

// In says it in a language.
func (f *Fault) In(l Lang) string { return f.Text.In(l, f.Args...) }

// Say is an error in a language, as far as it has words in both.
func Say(err error, l Lang) string {
	var both interface{ In(l Lang) string }
	if errors.As(err, &both) {
		return both.In(l)
	}
	return err.Error()
}

// WrongJSON says which key of a JSON object wants what, and what it got. what is
// the object itself.
func WrongJSON(err error, what Text) error {
	var both interface{ In(l Lang) string }
	if errors.As(err, &both) {
		return err
	}
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return &Fault{Text{EN: what.EN + ": want JSON; it cannot be read", ZH: what.ZH + "：应为 JSON，无法解析"}, nil}
	}
	where := what
	if wrong.Field != "" {
		where = Text{EN: wrong.Field, ZH: wrong.Field}
	}
	got, _, _ := strings.Cut(wrong.Value, " ") // without the number itself
	want, is := wanted(wrong.Type), given(got)
	return &Fault{Text{EN: where.EN + ": want " + want.EN + "; got " + is.EN, ZH: where.ZH + "：应为" + want.ZH + "，实际为" + is.ZH}, nil}
}

func wanted(t reflect.Type) Text {
	switch t.Kind() {
	case reflect.String:
		return Text{EN: "a text", ZH: "文本"}
	case reflect.Bool:
		return Text{EN: "true or false", ZH: " true 或 false"}
	case reflect.Slice:
		return Text{EN: "a text, or an array of texts", ZH: "文本或文本数组"}
	case reflect.Int, reflect.Int64:
		return Text{EN: "a whole number", ZH: "整数"}
	case reflect.Float64:
		return Text{EN: "a number", ZH: "数字"}
	default:
		return Text{EN: "an object", ZH: "对象"}
	}
}

func given(kind string) Text {
	switch kind {
	case "string":
		return Text{EN: "a text", ZH: "文本"}
	case "number":
		return Text{EN: "a number", ZH: "数字"}
	case "bool":
		return Text{EN: "true or false", ZH: " true 或 false"}
	case "array":
		return Text{EN: "an array", ZH: "数组"}
	default:
		return Text{EN: "an object", ZH: "对象"}
	}
}
