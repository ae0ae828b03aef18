# For tools that only know node-gyp (`npm rebuild`, `node-gyp rebuild`). The addon is built by cmake-js; the set-up calls
# it with the right libtorch. The output named here never comes to be, so the action always runs; it is the set-up that
# knows whether anything has to be done.
{
  'targets': [
    {
      'target_name': 'mbconv_native',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake_js',
          'inputs': ['CMakeLists.txt'],
          'outputs': ['<(INTERMEDIATE_DIR)/always'],
          'action': ['node', 'scripts/setup.mjs', '--native-only', '--unless-installing']
        }
      ]
    }
  ]
}
