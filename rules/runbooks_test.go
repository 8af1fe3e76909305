package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/rules"
)

const (
	runbooks   = "../docs/runbooks/"
	runbookURL = "https://github.com/belfry-city/belfry/blob/main/docs/runbooks/"
)

func TestEachAlertHasARunbookAndEachRunbookItsAlerts(t *testing.T) {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(t, err)
	list, err := os.ReadFile("../docs/rules.md")
	require.NoError(t, err)
	alerts := map[string][]string{"ReceiverFailing.md": {"ReceiverFailing"}} // by file of the runbook; this one the pager raises
	for _, group := range set.Groups() {
		for _, rule := range group.Rules {
			if !rule.Alert {
				continue
			}
			file, ok := strings.CutPrefix(rule.Annotations["runbook_url"], runbookURL)
			require.True(t, ok, "%s: runbook_url: %q", rule.Name, rule.Annotations["runbook_url"])
			require.FileExists(t, filepath.Join(runbooks, file), rule.Name)
			alerts[file] = append(alerts[file], rule.Name)
			entry := fmt.Sprintf("| [%s](runbooks/%s) | %s |", rule.Name, file, rule.Labels["severity"])
			require.Contains(t, string(list), entry, "docs/rules.md lists each alert")
		}
	}
	files, err := os.ReadDir(runbooks)
	require.NoError(t, err)
	for _, file := range files {
		require.NotEmpty(t, alerts[file.Name()], "%s: no alert leads here", file.Name())
		content, err := os.ReadFile(filepath.Join(runbooks, file.Name()))
		require.NoError(t, err)
		title, _, _ := strings.Cut(string(content), "\n")
		named := strings.Split(strings.TrimPrefix(title, "# "), ", ")
		require.ElementsMatch(t, alerts[file.Name()], named, "%s: the title names the alerts that lead here", file.Name())
	}
}

func TestRunbooksSayInBothLanguagesWhatItMeansWhatToDoAndWho(t *testing.T) {
	files, err := filepath.Glob(runbooks + "*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	han := regexp.MustCompile(`\p{Han}`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		english, chinese, found := strings.Cut(string(content), "\n# 中文\n")
		require.True(t, found, "%s: a part in Chinese", file)
		require.False(t, han.MatchString(strings.Replace(english, "[中文](#中文)", "", 1)), "%s: the first part is in English", file)
		for _, part := range []struct {
			text     string
			headings []string
		}{
			{english, []string{"What it means", "What to do first", "Who"}},
			{chinese, []string{"含义", "先做什么", "由谁负责"}},
		} {
			sections := strings.Split(part.text, "\n## ")[1:]
			require.Len(t, sections, len(part.headings), file)
			for i, heading := range part.headings {
				text, ok := strings.CutPrefix(sections[i], heading+"\n\n")
				require.True(t, ok, "%s: section %d is %s", file, i+1, heading)
				require.NotEmpty(t, strings.TrimSpace(text), "%s: %s", file, heading)
			}
		}
	}
}
