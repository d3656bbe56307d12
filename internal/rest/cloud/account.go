package cloud

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountAccount(rt *rest.Router) {
	login := opening(userService+"/user/login", "Sign in with an account and its password, or with a code from an e-mail")
	login.About = "A wrong password or code is 400 with code 2, never 401, which clients take for the end of a session. " +
		"`loginType` says what is wanted yet: `verifyCode` (a code was mailed; log in with it) or `tfa` (see `user/tfa`)."
	rest.Handle(rt, login, f.login)
	rest.Handle(rt, post(userService+"/my/logout", tagAccount, "End the session of this token"), f.logout)
	rest.Handle(rt, get(userService+"/my/profile", tagAccount, "Who am I"), f.profile)
	rest.Handle(rt, op(http.MethodPut, userService+"/my/profile", tagAccount, "Change name or picture"), f.changeProfile)
	rest.Handle(rt, get(designService+"/my/preference", tagAccount, "Who am I, with the number of the MQTT user name"), f.preference)
}

type loginInput struct {
	Client string `header:"User-Agent"`
	Body   cloudapi.LoginRequest
}

func (f *face) login(ctx context.Context, in *loginInput) (cloudapi.Login, error) {
	t, err := f.prove(ctx, in)
	if err != nil {
		return cloudapi.Login{}, err
	}
	return loginOf(t), nil
}

func (f *face) prove(ctx context.Context, in *loginInput) (access.Tokens, error) {
	b := in.Body
	if err := rest.Need("account", b.Account, "password", firstText(string(b.Password), b.Code)); err != nil {
		return access.Tokens{}, err
	}
	if err := rest.CountLogin(ctx, b.Account); err != nil {
		return access.Tokens{}, err
	}
	return f.Access.Login(ctx, access.Credentials{
		Account: b.Account, Password: b.Password, Code: b.Code, Client: in.Client, Remote: rest.Remote(ctx).String(),
	})
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// logoutInput takes any body: clients send an empty refresh token, or nothing.
type logoutInput struct {
	Body *cloudapi.LogoutRequest
}

func (f *face) logout(ctx context.Context, _ *logoutInput) (rest.Empty, error) {
	err := f.Access.Logout(ctx, rest.Actor(ctx))
	if err == nil {
		rest.SignOutBrowser(ctx)
	}
	return rest.Empty{}, err
}

func (f *face) profile(ctx context.Context, _ *struct{}) (cloudapi.Profile, error) {
	u, err := f.Access.User(ctx, rest.Actor(ctx))
	return profileOf(u, "success"), err
}

type profileInput struct {
	Body cloudapi.ProfileChange
}

func (f *face) changeProfile(ctx context.Context, in *profileInput) (cloudapi.Profile, error) {
	u, err := f.Access.UpdateProfile(ctx, rest.Actor(ctx), access.ProfileChange{Name: in.Body.Username, AvatarURL: in.Body.AvatarURL})
	return profileOf(u, "Profile updated"), err
}

func (f *face) preference(ctx context.Context, _ *struct{}) (cloudapi.Preference, error) {
	u, err := f.Access.User(ctx, rest.Actor(ctx))
	return cloudapi.Preference{UID: u.ID, Name: u.Name, Handle: u.Name, Avatar: u.AvatarURL, Links: []string{}}, err
}

func profileOf(u grove.User, message string) cloudapi.Profile {
	id := strconv.FormatInt(u.ID, 10)
	return cloudapi.Profile{
		Message: message, UID: u.ID, UIDStr: id, Account: u.Email, Email: u.Email, Name: u.Name, Avatar: u.AvatarURL,
		ProductModels: []string{}, TPModelAccounts: []string{}, MWCount: map[string]int{},
		Personal: cloudapi.Personal{Links: []string{}, DesignsInfo: []string{}},
		Data: cloudapi.ProfileData{
			UserID: id, Email: u.Email, Username: u.Name, AvatarURL: u.AvatarURL, CreatedAt: timestamp(u.CreatedAt),
			Subscription: cloudapi.Subscription{Plan: "free"},
		},
	}
}

// timestamp is a time as the user service writes it; no time is no text.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
