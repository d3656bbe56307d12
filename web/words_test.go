package web_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove/web"
)

// words are those of a language.
func words(t *testing.T, language string) map[string]string {
	t.Helper()
	raw, err := fs.ReadFile(web.Files, "words/"+language+".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s: %v", language, err)
	}
	return all
}

// scripts are the dashboard's own, by their names.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(web.Files, "app", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(web.Files, name)
		all[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var inBraces = regexp.MustCompile(`\{\w+\}`)

// Every language has the same keys, and in each of them what stands for a figure or
// a name. Languages without a singular have but one form of a key.
func TestTheLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	english := words(t, "en")
	for _, language := range []string{"de", "zh"} {
		other := words(t, language)
		same := 0
		for _, key := range slices.Sorted(maps.Keys(english)) {
			text, found := other[key]
			if !found {
				t.Errorf("%s lacks %s", language, key)
				continue
			}
			sorted := func(s string) []string { return slices.Sorted(slices.Values(inBraces.FindAllString(s, -1))) }
			if diff := cmp.Diff(sorted(english[key]), sorted(text)); diff != "" && !strings.HasSuffix(key, ".one") {
				t.Errorf("%s in %s: %s", key, language, diff)
			}
			if text == english[key] && strings.Contains(text, " ") {
				same++
			}
		}
		for key := range other {
			if _, found := english[key]; !found {
				t.Errorf("%s has %s, which English has not", language, key)
			}
		}
		if same > len(english)/10 {
			t.Errorf("%d of %d texts in %s are the English ones", same, len(english), language)
		}
	}
}

var (
	keyUsed  = regexp.MustCompile("\\bt\\(\\s*[\"]([\\w.]+)[\"]")
	keyMade  = regexp.MustCompile("`([\\w.]+\\.)\\$\\{")
	imported = regexp.MustCompile(`(?:\bfrom |\bimport\(|\bimport )"([^"]+)"`)
)

// Every key that a script names is there, and every key is of use.
func TestEveryWordIsSaid(t *testing.T) {
	t.Parallel()
	english, all := words(t, "en"), scripts(t)
	used := strings.Join(slices.Collect(maps.Values(all)), "\n")
	for name, script := range all {
		for _, found := range keyUsed.FindAllStringSubmatch(script, -1) {
			_, plain := english[found[1]]
			_, counted := english[found[1]+".other"]
			if !plain && !counted {
				t.Errorf("%s says %s, for which there are no words", name, found[1])
			}
		}
	}
	made := map[string]bool{}
	for _, found := range keyMade.FindAllStringSubmatch(used, -1) {
		made[found[1]] = true
	}
	for key := range english {
		base := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if strings.Contains(used, `"`+base+`"`) || slices.ContainsFunc(slices.Collect(maps.Keys(made)), func(p string) bool { return strings.HasPrefix(base, p) }) {
			continue
		}
		t.Errorf("nothing says %s", key)
	}
}

// There is no build that would find a missing file.
func TestWhatScriptsImportIsThere(t *testing.T) {
	t.Parallel()
	for name, script := range scripts(t) {
		for _, found := range imported.FindAllStringSubmatch(script, -1) {
			if _, err := fs.Stat(web.Files, path.Join(path.Dir(name), found[1])); err != nil {
				t.Errorf("%s imports %s: %v", name, found[1], err)
			}
		}
		for _, sign := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML", "eval(", "https://cdn"} {
			if strings.Contains(script, sign) {
				t.Errorf("%s has %s", name, sign)
			}
		}
	}
}
