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

	grovecloud "github.com/grovecloud/grove"
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

// What people are told is told in the language of the page.
func TestEveryNoticeHasWords(t *testing.T) {
	t.Parallel()
	english := words(t, "en")
	for _, kind := range grovecloud.EventTypes() {
		e := grovecloud.Event{Type: kind, Data: grovecloud.EventData{DeviceName: "Bench", FileName: "cube", BridgeName: "Bench", Status: "printing", Reason: "so it is"}}
		said, told := e.Notice()
		if key := "notice." + string(kind); told != (english[key] != "") {
			t.Errorf("%s is told: %t, its words are %q", key, told, english[key])
		} else if now := strings.NewReplacer("{printer}", "Bench", "{bridge}", "Bench", "{file}", "cube").Replace(english[key]); told && strings.TrimSuffix(said, " so it is") != now || told && strings.HasSuffix(now, ":") != (said != now) {
			t.Errorf("the server says %q, the page %q", said, now)
		}
	}
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

var (
	importList  = regexp.MustCompile(`(?s)(?:import|export) \{([^}]*)\} from "([^"]+)"`)
	importWhole = regexp.MustCompile(`import \* as (\w+) from "([^"]+)"`)
	exported    = regexp.MustCompile(`(?m)^export (?:async )?(?:const|let|function|class) (\w+)`)
	ownNames    = regexp.MustCompile(`(?m)^(?:async )?(?:const|let|function|class) (\w+)`)
	exportList  = regexp.MustCompile(`(?s)export \{([^}]*)\}( from)?`)
	inComment   = regexp.MustCompile(`(?m)^\s*(//|/?\*).*$`)
)

// listed are the names of an import or export: what each is there, and what it is called here.
func listed(text string) (all [][2]string) {
	for one := range strings.SplitSeq(text, ",") {
		there, here, renamed := strings.Cut(strings.TrimSpace(one), " as ")
		if !renamed {
			here = there
		}
		if there != "" {
			all = append(all, [2]string{there, here})
		}
	}
	return all
}

// Without a build nobody else tells that a name is imported and not used, exported and
// not wanted, or not there at all.
func TestScriptsSayNoNameInVain(t *testing.T) {
	t.Parallel()
	all, wanted, exports := scripts(t), map[string]bool{}, map[string]bool{}
	for name, script := range all {
		for _, found := range exported.FindAllStringSubmatch(script, -1) {
			exports[name+" "+found[1]] = true
		}
		for _, found := range exportList.FindAllStringSubmatch(script, -1) {
			for _, names := range listed(found[1]) {
				exports[name+" "+names[1]] = true
			}
		}
	}
	for name, script := range all {
		body := inComment.ReplaceAllString(importWhole.ReplaceAllString(importList.ReplaceAllString(script, ""), ""), "")
		used := func(word string) bool {
			return regexp.MustCompile(`(^|[^."\w-]|\.\.\.)` + word + `\b`).MatchString(body)
		}
		for _, found := range importList.FindAllStringSubmatch(script, -1) {
			from := path.Join(path.Dir(name), found[2])
			for _, names := range listed(found[1]) {
				wanted[from+" "+names[0]] = true
				if strings.HasPrefix(from, "app/") && !exports[from+" "+names[0]] {
					t.Errorf("%s imports %s, which %s does not export", name, names[0], from)
				}
				if strings.HasPrefix(found[0], "import") && !used(names[1]) {
					t.Errorf("%s imports %s and does not use it", name, names[1])
				}
			}
		}
		for _, found := range ownNames.FindAllStringSubmatch(body, -1) {
			if len(regexp.MustCompile(`\b`+found[1]+`\b`).FindAllString(body, 2)) < 2 {
				t.Errorf("%s has %s and does not use it", name, found[1])
			}
		}
		for _, found := range importWhole.FindAllStringSubmatch(script, -1) {
			from := path.Join(path.Dir(name), found[2])
			for _, of := range regexp.MustCompile(`\b`+found[1]+`\.(\w+)`).FindAllStringSubmatch(body, -1) {
				wanted[from+" "+of[1]] = true
			}
		}
	}
	for name := range exports {
		if !wanted[name] {
			t.Errorf("nobody imports %s", name)
		}
	}
	if len(exports) < 200 || len(wanted) < 200 {
		t.Errorf("only %d exports and %d imports were found", len(exports), len(wanted))
	}
}
