def test_tells_signers_threshold_and_faulty(oracle, keys):
    assert oracle.call("signers") == ([signer.account.address for signer in keys[:4]], 3, 1)
