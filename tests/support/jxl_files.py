"""JPEG XL files of 8x8 px, made by cjxl 0.7: no library that writes them sets their colours.

The samples are (200, 80, 40) or the grey 120 in the colour space of the name; `icc` is P3 with
gamma 2.2, and `grey icc` gamma 1.8.
"""

from __future__ import annotations

import base64

_ENCODED = {
    "p3 lossless": "/wpBQEAmNwIIAgEAhABLEsWCBVIg/2IMXi5eDLoYdDHeAUCeFwAYfEGD38BDCyE=",
    "p3 lossy": (
        "/wpBQEImNwIAEggA3ACP/CkBAFChMsq4wcu5ni8/dFhM27jO0FbbFpYkioxjk3QChySxFGxcgDAABsBg5sID"
        "twaIlSQA"
    ),
    "p3 lossy 16": (
        "/wpB8JOQyY0AEggA3ACP/CkBAFChMsq4wcu5ni8/dFhM27jO0FbbFpYkioxjk3QChySxFGxcgDAABsBg5sID"
        "twaIlSQA"
    ),
    "bt2020 lossless": "/wpBQECeIggCAQCEAEsSxYIFUiD/YgxeLl4Muhh0Md4BQJ4XABh8QYPfwEMLIQ==",
    "bt2020 lossy": (
        "/wpBQEKeIgASCADcAI/8KQEAUKEyyrjBy7meLz90WEzbuM7QVtsWliSKjGOTdAKHJLEWbFyAMIABgMHMIcdt"
        "BoiVJAA="
    ),
    "linear lossless 16": (
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAA+anhsY/8KQfADULQICAIBAKAA"
        "SxLFggVSYP/FGFx0MV4MxsUY48V4B+D4XgAgjREZ6YcDBU8A3ajVUg=="
    ),
    "gamma lossless": "/wpBQEAlK6aKCAIBAIQASxLFggVSIP9iDF4uXgy6GHQx3gFAnhcAGHxBg9/AQwsh",
    "pq lossless": ("/wpBBBCQR484HAAAAAACCAIBAIQASxLFggVSIP9iDF4uXgy6GHQx3gFAnhcAGHxBg9/AQwsh"),
    "hlg lossy": (
        "/wpBQEKegQgAEggA2ACP/CkBAFChMsq4wcu5ni8/dFhM27jO0FbbFpYkioxjk3QChySxEmxcgDAMAIAxc73x"
        "2gCxkgQ="
    ),
    "icc lossless": (
        "/wpBQAhvDQNSaB6ALB22JsGYs3SqyzbPJPPNvlVNG23iKG1B5pSj7HwxSbEwvQxSwp2j7M4hMVsbJbPZbGlM"
        "HkcZgKyjrTMC/BQD/i8srfiWwVTXiUWWlTwUChStTWWlt5nq8tz1S8ZjbyHLOr4Fjr7C5sqmnqLSZQXWzpYF"
        "msqWlrLm0HuvDICk2xhTBTj1mz9/8i1wTgLxG8mfP32g/PnjdwSvdqHBj3OCvLA9X/78+dNBUTHcuIImw4FK"
        "Pgi2F2bhHubHzp3fnh1FlW354wXQ1xIYtQ0OWaGxlqBGE67lAAgCAQCEAEsSxYIFUiD/YgxeLl4Muhh0Md4B"
        "QJ4XABh8QYPfwEMLIQ=="
    ),
    "icc lossy": (
        "/wpBQApvDQNSaB6ALB22JsGYs3SqyzbPJPPNvlVNG23iKG1B5pSj7HwxSbEwvQxSwp2j7M4hMVsbJbPZbGlM"
        "HkcZgKyjrTMC/BQD/i8srfiWwVTXiUWWlTwUChStTWWlt5nq8tz1S8ZjbyHLOr4Fjr7C5sqmnqLSZQXWzpYF"
        "msqWlrLm0HuvDICk2xhTBTj1mz9/8i1wTgLxG8mfP32g/PnjdwSvdqHBj3OCvLA9X/78+dNBUTHcuIImw4FK"
        "Pgi2F2bhHubHzp3fnh1FlW354wXQ1xIYtQ0OWaGxlqBGE67lAAASCADcAI/8KQEAUKEyyrjBy7meLz90WEzb"
        "uM7QVtsWliSKjGOTdAKHJLEUbFyAMAAGwGDmxFP3BoiVJAA="
    ),
    "icc lossy alpha": (
        "/wpBwBbeGgak0DwAWTpsTYIxZ+lUl22eSeabfauaNtrEUdqCzClH2flikmJhehmkhDtH2Z1DYrY2Smaz2dKY"
        "PI4yAFlHW2cE+CkG/F9YWvEtg6muE4ssK3koFCham8pKbzPV5bnrl4zH3kKWdXwLHH2FzZVNPUWlywqsnS0L"
        "NJUtLWXNofdeGQBJtzGmCnDqN3/+5FvgnATiN5I/f/pA+fPH7whe7UKDH+cEeWF7vvz586eDomK4cQVNhgOV"
        "fBBsL8zCPcyPnTu/PTuKKtvyxwugryUwahscskJjLUGNJlzLAQBIgAAAiAGP/CkBAFChMsq4wcu5ni8/dFhM"
        "27jO0FbbFpYkikw3P6J0iMFDklgKZXdACAADQKABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAYJ741G6qnUoSAA=="
    ),
    "grey icc lossless": (
        "/wpBQBgnCQMS5gFQy6HyEMvzutKWa7nH5lWhpU1siWWPzFUdC+wccXPsHBK3luYGgKyjrTMCAND6vf6TeQED"
        "/heWVvzMcFPXiVWWPZUNzQMUrU1lpdNMdfmW9ybzER3Iso5vgKOvsLmyqaeodFiAtbNlgKaypaWsOXRuxDxJ"
        "a2XyMGW2CQgCAQBMAEsSxYKFJNIX+BMCAAAAAAAAAAA="
    ),
    "grey icc lossy": (
        "/wpBQBonCQMS5gFQy6HyEMvzutKWa7nH5lWhpU1siWWPzFUdC+wccXPsHBK3luYGgKyjrTMCAND6vf6TeQED"
        "/heWVvzMcFPXiVWWPZUNzQMUrU1lpdNMdfmW9ybzER3Iso5vgKOvsLmyqaeodFiAtbNlgKaypaWsOXRuxDxJ"
        "a2XyMGW2CQASCADAAI/8KQEAUKEyyrjBy7meLz90WEzbuM7QVtsWliSKjGOTdAKHJLFWAwizZo7DYFWSAA=="
    ),
    "grey gamma": "/wpBQFDJiqkiCAIBAEwASxLFgoUk0hf4EwIAAAAAAAAAAA==",
}

JXL_FILES = {name: base64.b64decode(text) for name, text in _ENCODED.items()}
"""Files by kind."""
