"""Section 5 of ``docs/attribution.md``: the hosts of the default table, in the order of the alphabet."""

from __future__ import annotations

# fmt: off
PAYMENT = (
    ".2checkout.com", "3ds-secure.cardcomplete.com", "acs.sia.eu", ".adyen.com", ".affirm.com", ".afterpay.com",
    ".alipay.com", "apay-us.amazon.com", ".arcot.com", ".authorize.net", ".bambora.com", ".blik.com",
    ".braintreegateway.com", ".braintreepayments.com", ".buckaroo.nl", ".cardinalcommerce.com", ".checkout.com",
    "checkout.shopify.com", ".clearpay.co.uk", ".clearpay.com", ".computop-paygate.com", ".cybersource.com",
    ".datatrans.com", ".giropay.de", ".gocardless.com", ".ideal.nl", ".klarna.com", ".klarnapayments.com",
    ".mercadopago.*", ".mobilepay.dk", ".mollie.com", ".multisafepay.com", "pay.amazon.*", "pay.google.com",
    "pay.shopify.com", ".paydirekt.de", "payments-eu.amazon.com", "payments.amazon.*", "payments.google.com",
    ".payone.com", ".paypal.com", ".payplug.com", ".paysafecard.com", ".payu.*", ".przelewy24.pl", ".ratepay.com",
    ".razorpay.com", ".realexpayments.com", ".redsys.es", ".rsa3dsauth.co.uk", ".rsa3dsauth.com", ".saferpay.com",
    ".sagepay.com", ".scalapay.com", ".securesuite.co.uk", ".securesuite.net", ".sezzle.com", "shop.app",
    ".skrill.com", ".sofort.com", ".squareup.com", ".stripe.com", ".swish.nu", ".touchtechpayments.com", ".tpay.com",
    ".trustly.com", ".unzer.com", ".verifiedbyvisa.com", ".vipps.no", ".wlp-acs.com", ".worldpay.com",
)
SIGN_IN = (
    "access.line.me", ".account.amazon.com", "account.apple.com", "account.live.com", "account.mail.ru",
    "accounts.google.*", "accounts.kakao.com", "accounts.youtube.com", ".amazoncognito.com", "api.twitter.com",
    "appleid.apple.com", ".auth0.com", ".b2clogin.com", "id.vk.com", "idmsa.apple.com", "kauth.kakao.com",
    "login.aol.com", "login.live.com", "login.microsoft.com", "login.microsoftonline.com", "login.seznam.cz",
    "login.windows.net", "login.yahoo.co.jp", ".login.yahoo.com", "nid.naver.com", "oauth.vk.com", "oauth.yandex.*",
    ".okta.com", "passport.yandex.*",
)
WEBMAIL = (
    "3c.gmx.net", "3c.web.de", "app.fastmail.com", "com.google.android.gm", "com.microsoft.office.outlook",
    "com.yahoo.mobile.client.android.mail", "deref-1und1-02.de", "deref-1und1.de", "deref-gmx.*", "deref-mail-02.com",
    "deref-mail.com", "deref-web-02.de", "deref-web.de", "e.mail.ru", "email.bluewin.ch", "email.bt.com",
    "email.ionos.*", "email.seznam.cz", "email.t-online.de", "lightmailer.gmx.*", "mail.126.com", "mail.163.com",
    "mail.aol.com", "mail.daum.net", "mail.google.com", "mail.infomaniak.com", ".mail.live.com", "mail.naver.com",
    "mail.proton.me", "mail.qq.com", "mail.rambler.ru", "mail.ukr.net", "mail.virginmedia.com", ".mail.yahoo.*",
    "mail.yandex.*", "mail.zoho.*", "mailbusiness.ionos.*", ".navigator.gmx.net", ".navigator.web.de",
    "outlook.cloud.microsoft", ".outlook.com", "outlook.live.com", "outlook.office.com", "outlook.office365.com",
    "poczta.interia.pl", "poczta.o2.pl", "poczta.onet.pl", "poczta.wp.pl", "touch.mail.ru", "webmail.free.fr",
    "webmail.freenet.de", "webmail.laposte.net", "webmail.tim.it", "zimbra.free.fr",
)
SEARCH = (
    ".ask.com", ".baidu.com", ".bing.com", "books.google.*", ".coccoc.com", "com.google.android.googlequicksearchbox",
    "cse.google.*", ".dogpile.com", ".duckduckgo.com", ".ecosia.org", "go.mail.ru", "google.*", "images.google.*",
    ".kagi.com", "lens.google.com", "m.naver.com", ".metager.de", ".metager.org", ".mojeek.com", "naver.com",
    "news.google.*", "nova.rambler.ru", ".petalsearch.com", ".qwant.com", "scholar.google.*", "search.aol.*",
    "search.brave.com", "search.daum.net", "search.goo.ne.jp", "search.lilo.org", "search.lycos.com",
    ".search.naver.com", "search.seznam.cz", "search.smt.docomo.ne.jp", "seznam.cz", "shopping.google.*", ".sm.cn",
    ".so.com", ".sogou.com", ".startpage.com", "suche.gmx.net", "suche.t-online.de", "suche.web.de", ".swisscows.com",
    "video.google.*", ".webcrawler.com", "ya.ru", ".yahoo.*", ".yandex.*",
)
SOCIAL = (
    ".bsky.app", "com.facebook.katana", "com.facebook.orca", "com.instagram.android", "com.instagram.barcelona",
    "com.linkedin.android", "com.pinterest", "com.reddit.frontpage", "com.snapchat.android", "com.twitter.android",
    "com.whatsapp", "com.zhiliaoapp.musically", ".discord.com", ".discordapp.com", "disq.us", ".disqus.com",
    ".facebook.com", "fb.me", ".flickr.com", ".instagram.com", ".line.me", ".linkedin.com", ".lnkd.in",
    ".mastodon.social", ".messenger.com", ".nextdoor.com", ".ok.ru", "org.telegram.messenger", "pin.it",
    ".pinterest.*", ".quora.com", "redd.it", ".reddit.com", ".snapchat.com", ".t.co", "t.me", "t.umblr.com",
    ".telegram.me", ".telegram.org", ".threads.com", ".threads.net", ".tiktok.com", ".tumblr.com", ".twitch.tv",
    ".twitter.com", ".vimeo.com", ".vk.com", ".weibo.com", ".whatsapp.com", ".wl.co", ".x.com", ".xing.com",
    "youtu.be", ".youtube.com",
)
# fmt: on
