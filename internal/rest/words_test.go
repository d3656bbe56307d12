package rest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPagesSayTheSameInEveryLanguage(t *testing.T) {
	t.Parallel()
	said, verbs := regexp.MustCompile(`\.Say "([a-z_.]+)"`), regexp.MustCompile(`%[a-z]`)
	want := slices.Sorted(maps.Keys(tongues["en"]))
	for short, words := range tongues {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(words))); diff != "" {
			t.Errorf("%s (-en +%s):\n%s", short, short, diff)
		}
		for key, text := range words {
			if text == "" || !slices.Equal(verbs.FindAllString(text, -1), verbs.FindAllString(tongues["en"][key], -1)) {
				t.Errorf("%s %s: %q", short, key, text)
			}
		}
	}
	for _, name := range []string{"sign-in", "setup", "missing", "languages"} {
		page, err := static.ReadFile("assets/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range said.FindAllSubmatch(page, -1) {
			if !slices.Contains(want, string(found[1])) {
				t.Errorf("%s.html says %s, for which there are no words", name, found[1])
			}
		}
	}
}

func TestAPageSpeaksAsItsReaderDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, cookie, accept, want string }{
		{"/sign-in", "", "", "en"},
		{"/sign-in", "", "fr-FR, de-AT;q=0.8, en;q=0.5", "de"},
		{"/sign-in", "", "zh-CN,zh;q=0.9", "zh-Hans"},
		{"/sign-in", "zh", "de", "zh-Hans"},
		{"/sign-in?lang=en", "zh", "de", "en"},
		{"/sign-in?lang=klingon", "", "tlh", "en"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.address, nil)
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: LanguageCookie, Value: c.cookie})
		}
		if got := speak(r).Lang; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestHowLongToWaitIsSaidInWords(t *testing.T) {
	t.Parallel()
	s := speech{words: tongues["en"]}
	for d, want := range map[time.Duration]string{
		time.Second: "one second", 59 * time.Second: "59 seconds", time.Minute: "one minute", 119 * time.Second: "119 seconds", 121 * time.Second: "3 minutes", 15 * time.Minute: "15 minutes",
	} {
		if got := s.wait(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
