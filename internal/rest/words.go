package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed words.json
var wordsFile []byte

// tongues are the languages of the pages that need no script, by their short names,
// each with the same keys.
var tongues = func() map[string]map[string]string {
	all := map[string]map[string]string{}
	if err := json.Unmarshal(wordsFile, &all); err != nil {
		panic(err)
	}
	return all
}()

// LanguageCookie keeps the language that somebody chose, here or in the dashboard. It
// is no secret, and scripts may set it.
const LanguageCookie = "lang"

// speech is a page's language.
type speech struct {
	Lang    string // for the page's lang attribute
	words   map[string]string
	Choices []choice
}

// choice is another language that the same page can be had in.
type choice struct{ Lang, Name, Link string }

// names are what languages call themselves.
var names = []struct{ short, tag, name string }{{"en", "en", "English"}, {"de", "de", "Deutsch"}, {"zh", "zh-Hans", "中文"}}

// speak finds the language of whoever looks: what the address says, what was chosen
// before, else the first that their browser asks for and that there is.
func speak(r *http.Request) speech {
	wanted := []string{r.URL.Query().Get("lang")}
	if c, err := r.Cookie(LanguageCookie); err == nil {
		wanted = append(wanted, c.Value)
	}
	wanted = append(append(wanted, strings.Split(r.Header.Get("Accept-Language"), ",")...), "en")
	for _, w := range wanted {
		short, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(w)), ";")
		short, _, _ = strings.Cut(short, "-")
		if tongues[short] != nil {
			return spoken(r, short)
		}
	}
	return speech{}
}

// spoken is a language by its short name.
func spoken(r *http.Request, short string) speech {
	s := speech{words: tongues[short]}
	for _, n := range names {
		if n.short == short {
			s.Lang = n.tag
		}
		if n.short == short {
			continue
		}
		q := asked(r)
		q.Set("lang", n.short)
		s.Choices = append(s.Choices, choice{n.tag, n.name, "?" + q.Encode()})
	}
	return s
}

// asked is what the address of a page asked for, also where a form of it was sent: so
// much as the form brought back.
func asked(r *http.Request) url.Values {
	if r.Method != http.MethodPost {
		return r.URL.Query()
	}
	q := url.Values{}
	for _, kept := range []string{"to", "method", "redirect_url"} {
		if v := r.PostForm.Get(kept); v != "" {
			q.Set(kept, v)
		}
	}
	if r.PostForm.Get("step") == stepAccept {
		q = url.Values{"invitation": {r.PostForm.Get("key")}}
	}
	return q
}

// remember keeps a language that the address says in the browser.
func remember(w http.ResponseWriter, r *http.Request) {
	if short := r.URL.Query().Get("lang"); tongues[short] != nil {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: a language is no secret, and the dashboard's scripts set it too
			Name: LanguageCookie, Value: short, Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode,
		})
	}
}

// Say gives the words of a key, with args in their places.
func (s speech) Say(key string, args ...any) string {
	if len(args) == 0 {
		return s.words[key]
	}
	return fmt.Sprintf(s.words[key], args...)
}

// why tells a refusal: in the page's language where it is one that people meet, else
// in the words of the rule.
func (s speech) why(told *failure) string {
	key := "error." + told.Details.Cause
	switch {
	case s.words[key] == "":
		return told.Details.Reason
	case told.Details.RetryAfter > 0:
		return s.Say(key, s.wait(time.Duration(told.Details.RetryAfter)*time.Second))
	}
	return s.Say(key)
}

// wait is a time in words; from two minutes on in whole minutes, rounded up.
func (s speech) wait(d time.Duration) string {
	switch seconds, minutes := int(d/time.Second), int((d+time.Minute-1)/time.Minute); {
	case seconds == 1:
		return s.Say("wait.second")
	case seconds == 60:
		return s.Say("wait.minute")
	case seconds < 120:
		return s.Say("wait.seconds", seconds)
	default:
		return s.Say("wait.minutes", minutes)
	}
}
