package access

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// What a browser keeps is stolen there more easily than what a program does.
func TestTheDashboardsCookieIsNoAccessToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{})
		u := addUser(t, a, "ann@example.org")
		tokens := login(t, a, u.Email)
		browser, err := a.ForBrowser(t.Context(), tokens)
		if err != nil || browser.ExpiresIn != 30*24*time.Hour {
			t.Fatalf("%+v, %v", browser, err)
		}
		page := Visit{Remote: lan, Over: grove.OverHTTP}
		byCookie := func(cookie grove.Secret) error {
			actor, err := a.AuthenticateBrowser(t.Context(), string(cookie), page)
			if err == nil && actor != (grove.Actor{Kind: grove.ActorUser, UserID: u.ID, SessionID: tokens.SessionID}) {
				t.Errorf("the cookie is of %+v", actor)
			}
			return err
		}
		asToken := func() map[string]error {
			_, bearer := a.AuthenticateFrom(t.Context(), string(browser.Cookie), page)
			_, refresh := a.Authenticate(t.Context(), string(browser.Cookie))
			_, mqtt := a.Enter(t.Context(), MQTTCredentials{Username: username(u.ID), Password: browser.Cookie, Remote: lan})
			return map[string]error{"bearer": bearer, "refresh": refresh, "mqtt": mqtt, "the token as cookie": byCookie(tokens.Access)}
		}
		for name, err := range asToken() { // before either was seen
			if !grove.HasReason(err, grove.ReasonTokenInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := byCookie(browser.Cookie); err != nil {
			t.Error(err)
		}
		if _, err := a.Authenticate(t.Context(), string(tokens.Access)); err != nil {
			t.Error(err)
		}
		for name, err := range asToken() { // while both are remembered
			if !grove.HasReason(err, grove.ReasonTokenInvalid) {
				t.Errorf("%s, once it was seen: %v", name, err)
			}
		}
		<-time.After(browser.ExpiresIn - time.Minute)
		if err := byCookie(browser.Cookie); err != nil {
			t.Error(err)
		}
		<-time.After(time.Minute)
		if err := byCookie(browser.Cookie); !grove.HasReason(err, grove.ReasonTokenExpired) {
			t.Errorf("a month later: %v", err)
		}
	})
}

func TestALogoutEndsTheDashboardsCookie(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	u := addUser(t, a, "ann@example.org")
	tokens := login(t, a, u.Email)
	browser, err := a.ForBrowser(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := a.AuthenticateBrowser(t.Context(), string(browser.Cookie), Visit{Remote: lan, Over: grove.OverHTTP})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Logout(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AuthenticateBrowser(t.Context(), string(browser.Cookie), Visit{Remote: lan, Over: grove.OverHTTP}); !grove.HasReason(err, grove.ReasonTokenInvalid) {
		t.Errorf("after the logout: %v", err)
	}
	if _, err := a.ForBrowser(t.Context(), tokens); !grove.HasReason(err, grove.ReasonTokenInvalid) {
		t.Errorf("a session that has ended begins anew: %v", err)
	}
}
